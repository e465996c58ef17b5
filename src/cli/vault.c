/* SPDX-License-Identifier: Apache-2.0 */
/* imward vault: make a key, list and read what is kept, delete what has expired, prove that nothing was
 * harmed. */
#include "content/vault.h"
#include "base/json.h"
#include "cli/cli.h"
#include "content/vault_key.h"
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: imward vault key FILE\n"
    "       imward vault list --vault DIR --key FILE [--json]\n"
    "       imward vault read ID --vault DIR --key FILE [--meta]\n"
    "       imward vault expire --vault DIR --key FILE [--time TIME]\n"
    "       imward vault verify --vault DIR --key FILE\n"
    "\n"
    "What the policy says is to be kept, encrypted: docs/scan.md tells of the vault.\n"
    "\n"
    "  key        make a pair: the private key in FILE, the public one in FILE.pub\n"
    "  list       what is kept, oldest first\n"
    "  read       the content of one object, to standard output; the journal notes it;\n"
    "             with the private key only\n"
    "  expire     delete what has expired; the journal proves it\n"
    "  verify     nothing was changed, taken out, put back or added\n"
    "\n"
    "      --vault DIR          the vault\n"
    "  -k, --key FILE           its key, the public one but for read\n"
    "  -j, --json               list: a JSON object a line\n"
    "  -m, --meta               read: who, when and which flow, in place of the content\n"
    "      --time TIME          expire: as if it were this time, UTC, such as 2026-11-23T10:30\n"
    "  -h, --help               this text\n"
    "\n"
    "exit status: 0 done; 1 failed, or verify found something; 2 wrong use\n";

enum { OPTION_VAULT = 256, OPTION_TIME };

static const struct option long_options[] = {
    { "vault", required_argument, NULL, OPTION_VAULT },
    { "key", required_argument, NULL, 'k' },
    { "json", no_argument, NULL, 'j' },
    { "meta", no_argument, NULL, 'm' },
    { "time", required_argument, NULL, OPTION_TIME },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

struct options {
    struct vault_settings vault;
    uint64_t now_us;
    bool json, meta, help;
};

static bool take_time(const char *word, uint64_t *out)
{
    struct tm tm = { 0 };
    const char *rest = strptime(word, "%Y-%m-%dT%H:%M", &tm);

    if (rest == NULL || (rest[0] != '\0' && strcmp(rest, "Z") != 0) || tm.tm_year < 70) {
        cli_usage("vault", "--time takes a time such as 2026-11-23T10:30, not '%s'", word);
        return false;
    }
    *out = (uint64_t)timegm(&tm) * 1000000;
    return true;
}

static bool read_options(int argc, char **argv, struct options *o)
{
    int option;

    *o = (struct options){ .now_us = (uint64_t)time(NULL) * 1000000 };
    while ((option = getopt_long(argc, argv, "k:jmh", long_options, NULL)) != -1) {
        switch (option) {
        case OPTION_VAULT: o->vault.path = optarg; break;
        case 'k': o->vault.key = optarg; break;
        case 'j': o->json = true; break;
        case 'm': o->meta = true; break;
        case 'h': o->help = true; break;
        case OPTION_TIME:
            if (!take_time(optarg, &o->now_us))
                return false;
            break;
        default: fputs("imward vault --help tells how it is used.\n", stderr); return false;
        }
    }
    return true;
}

/* ---- what it does ---- */

static int make_key(const char *path)
{
    struct imw_error_info err;

    if (!vault_keys_new(path, &err))
        return cli_failed(&err);
    printf(
        "%s.pub: the public key, for the policy; the sensor's group must be able to read it (chgrp)\n"
        "%s: the private key; without it nothing in the vault can be read: take it off this machine, to who\n"
        "may read what people wrote, and keep a copy where it is safe\n",
        path, path);
    return EXIT_DONE;
}

static void print_time(uint64_t time_us)
{
    time_t t = (time_t)(time_us / 1000000);
    struct tm tm;
    char text[32] = "-";

    if (gmtime_r(&t, &tm) != NULL)
        strftime(text, sizeof text, "%Y-%m-%dT%H:%MZ", &tm);
    printf("%-18s", text);
}

static void print_object(void *context, const struct vault_object *o)
{
    const struct options *options = context;
    char line[512];
    struct json j = json_over(line, sizeof line);

    if (options->json) {
        json_object(&j, NULL);
        json_string(&j, "id", o->id);
        json_string(&j, "kind", o->file ? "file" : "message");
        json_time(&j, "kept", o->kept_us);
        json_time(&j, "expires", o->expires_us);
        json_number(&j, "size", o->size);
        json_object_end(&j);
        puts(line);
        return;
    }
    printf("%s  %-8s", o->id, o->file ? "file" : "message");
    print_time(o->kept_us);
    print_time(o->expires_us);
    printf("%llu\n", (unsigned long long)o->size);
}

static bool list(struct vault *v, struct options *o, struct imw_error_info *err)
{
    if (!o->json)
        printf("%-32s  %-8s%-18s%-18s%s\n", "ID", "KIND", "KEPT", "EXPIRES", "BYTES");
    return vault_list(v, print_object, o, err);
}

static void print_content(void *context, bool is_meta, struct view bytes)
{
    const struct options *o = context;

    if (is_meta == o->meta)
        fwrite(bytes.at, 1, bytes.len, stdout);
    if (is_meta && o->meta)
        putchar('\n');
}

static bool expire(struct vault *v, const struct options *o, struct imw_error_info *err)
{
    unsigned deleted;
    bool ok = vault_expire(v, o->now_us, &deleted, err);

    printf("%u deleted\n", deleted);
    return ok;
}

static void count_object(void *context, const struct vault_object *object)
{
    (void)object;
    ++*(unsigned *)context;
}

static bool verify(struct vault *v, struct imw_error_info *err)
{
    unsigned objects = 0;

    if (!vault_verify(v, err) || !vault_list(v, count_object, &objects, err))
        return false;
    printf("the journal is whole, and so are the %u objects that it says are kept\n", objects);
    return true;
}

/* ---- the command line ---- */

static int run(struct options *o, const char *what, const char *id)
{
    struct imw_error_info err = { 0 };
    struct vault *v;

    if (access(o->vault.path, F_OK) != 0) { /* it is the sensor that makes one */
        error_errno(&err, o->vault.path);
        return cli_failed(&err);
    }
    if (!vault_open(&o->vault, &v, &err))
        return cli_failed(&err);
    bool ok = strcmp(what, "list") == 0     ? list(v, o, &err)
              : strcmp(what, "read") == 0   ? vault_get(v, id, print_content, o, &err)
              : strcmp(what, "expire") == 0 ? expire(v, o, &err)
                                            : verify(v, &err);
    vault_close(v);
    int status = EXIT_DONE;
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("imward: standard output");
        status = EXIT_FAILED;
    }
    return ok ? status : cli_failed(&err);
}

int command_vault(int argc, char **argv)
{
    static const char *const words[] = { "key", "list", "read", "expire", "verify" };
    struct options o;
    bool known = false;

    if (!read_options(argc, argv, &o))
        return EXIT_USAGE;
    if (o.help) {
        fputs(usage, stdout);
        return EXIT_DONE;
    }
    const char *what = optind < argc ? argv[optind++] : "";
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        known = known || strcmp(what, words[i]) == 0;
    if (!known)
        return cli_usage("vault", "say what to do: key, list, read, expire or verify");
    const bool key = strcmp(what, "key") == 0, takes = key || strcmp(what, "read") == 0;
    const char *word = takes && optind < argc ? argv[optind++] : NULL;
    if (optind < argc || (takes && word == NULL))
        return cli_usage("vault", "%s takes %s", what, key ? "one file" : takes ? "one ID" : "options only");
    if (key)
        return make_key(word);
    if (o.vault.path == NULL || o.vault.key == NULL)
        return cli_usage("vault", "%s needs --vault DIR and --key FILE", what);
    return run(&o, what, word);
}
