/* SPDX-License-Identifier: Apache-2.0 */
/* imward evidence: what proves to others what was done. */
#include "base/text.h"
#include "cli/cli.h"
#include "program/audit.h"
#include "program/evidence_make.h"
#include "program/evidence_verify.h"
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: imward evidence verify FILE [--key HEX|FILE] [--json]\n"
    "       imward evidence verify --data DIR [--database URL] [--key HEX|FILE] [--json]\n"
    "       imward evidence package --data DIR [--database URL] --from DAY --until DAY -o FILE\n"
    "\n"
    "verify: is it whole? FILE is an evidence package (ZIP), or an audit trail that the console exported; or the\n"
    "console's own database, while it runs. Of a package: every part, the archive itself, the signatures and the\n"
    "chain of the audit trail in it. No network is needed. docs/evidence.md and docs/audit.md tell what that proves.\n"
    "\n"
    "package: ask the console that runs on DIR for a package, wait until it is made, and copy it to FILE. The key\n"
    "stays with the console's keeper.\n"
    "\n"
    "  -d, --data DIR       the console's folder\n"
    "      --database URL   sqlite:PATH (DIR/db/imward.db), or postgresql://...\n"
    "  -k, --key HEX|FILE   the public key that must have signed (DIR/keys/audit.pub); without any, the key in\n"
    "                       the file is taken, which whoever writes all anew can choose\n"
    "  -j, --json           the result as JSON\n"
    "      --from DAY       the first day of the package, as 2026-01-01\n"
    "      --until DAY      the day behind its last, as 2026-04-01\n"
    "      --for WHOM       whom it is for; \"an examiner\", unless it is said\n"
    "      --purpose WORDS  what it is for; \"examination\"\n"
    "      --parts WORDS    parts, as \"usage training\"; all of them\n"
    "  -o, --output FILE    where the package goes, a new file\n"
    "  -h, --help           this text\n"
    "\n"
    "exit status: 0 whole, or done; 1 changed, or it could not be read or made; 2 wrong use\n";

enum {
    OPTION_DATABASE = 256,
    OPTION_FROM,
    OPTION_UNTIL,
    OPTION_FOR,
    OPTION_PURPOSE,
    OPTION_PARTS,
    KEY_LEN = 32,
    WAIT_S = 3600, /* for a package */
};

static const struct option long_options[] = {
    { "data", required_argument, NULL, 'd' },
    { "database", required_argument, NULL, OPTION_DATABASE },
    { "key", required_argument, NULL, 'k' },
    { "json", no_argument, NULL, 'j' },
    { "from", required_argument, NULL, OPTION_FROM },
    { "until", required_argument, NULL, OPTION_UNTIL },
    { "for", required_argument, NULL, OPTION_FOR },
    { "purpose", required_argument, NULL, OPTION_PURPOSE },
    { "parts", required_argument, NULL, OPTION_PARTS },
    { "output", required_argument, NULL, 'o' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

struct options {
    const char *data, *database, *key, *file, *output, *parts;
    struct evidence_wish wish;
    bool json;
};

/* The key that was named, or lies in the data folder. *out_len 0: none. */
static bool find_key(const struct options *o, uint8_t out[KEY_LEN], size_t *out_len,
                     struct imw_error_info *err)
{
    char path[512];
    const char *word = o->key;

    *out_len = 0;
    if (word == NULL && o->data != NULL) {
        snprintf(path, sizeof path, "%s/keys/audit.pub", o->data);
        word = access(path, F_OK) == 0 ? path : NULL;
    }
    if (word == NULL)
        return true;
    *out_len = KEY_LEN;
    return audit_key_read(word, out, err);
}

static bool verify_database(const struct options *o, struct view key, struct audit_result *out,
                            struct imw_error_info *err)
{
    char path[600];
    struct db *db;

    if (!db_open_data(o->database, o->data != NULL ? o->data : ".", &db, err))
        return false;
    bool ok = audit_verify(db, key, out, err);
    if (ok && out->wrong_seq == 0 && o->data != NULL) {
        snprintf(path, sizeof path, "%s/keys/audit.signed", o->data);
        ok = audit_verify_signed(db, path, key, out, err);
    }
    db_close(db);
    return ok;
}

static int print_json(json_t *result)
{
    const bool whole = json_is_true(json_object_get(result, "whole"));

    if (json_dumpf(result, stdout, JSON_INDENT(1)) == 0)
        putchar('\n');
    json_decref(result);
    return whole ? EXIT_DONE : EXIT_FAILED;
}

static int print_trail(const struct options *o, const struct audit_result *r, bool key)
{
    if (o->json)
        return print_json(json_pack("{s:s,s:b,s:I,s:I,s:I,s:b,s:b,s:s?}", "kind", "trail", "whole",
                                    r->wrong_seq == 0, "records", (json_int_t)r->records, "checkpoints",
                                    (json_int_t)r->checkpoints, "unsigned", (json_int_t)r->unsigned_records,
                                    "part", r->part, "key_proved", key, "wrong",
                                    r->wrong_seq != 0 ? r->wrong : NULL));
    if (r->wrong_seq != 0) {
        printf("NOT WHOLE: %s\n", r->wrong);
        return EXIT_FAILED;
    }
    printf(
        "whole: %llu records, %llu checkpoints; %llu records are behind the last checkpoint, not signed yet\n",
        (unsigned long long)r->records, (unsigned long long)r->checkpoints,
        (unsigned long long)r->unsigned_records);
    if (r->part)
        printf("It is a part of a trail: it begins with record %llu.\n", (unsigned long long)r->first_seq);
    if (!key && r->checkpoints > 0)
        puts("No key was given: that the checkpoints are this institution's own is not proved. Use --key.");
    return EXIT_DONE;
}

static const char *member(const json_t *manifest, const char *name)
{
    const char *text = json_string_value(json_object_get(manifest, name));

    return text != NULL ? text : "";
}

static json_t *package_json(const struct evidence_result *r)
{
    json_t *faults = json_pack("[]");
    char key[2 * KEY_LEN + 1];

    sodium_bin2hex(key, sizeof key, r->key, sizeof r->key);
    for (unsigned i = 0; i < r->faults && i < EVIDENCE_FAULTS; i++)
        (void)json_array_append_new(faults, json_pack("s", r->fault[i]));
    return json_pack("{s:s,s:b,s:b,s:s,s:I,s:I,s:o,s:s,s:O?,s:s,s:s}", "kind", "package", "whole",
                     r->faults == 0, "key_proved", r->key_given, "key", key, "parts", (json_int_t)r->parts,
                     "records", (json_int_t)r->trail.records, "faults", faults, "institution",
                     member(r->manifest, "institution"), "period", json_object_get(r->manifest, "period"),
                     "made", member(r->manifest, "made"), "made_by", member(r->manifest, "asked_by"));
}

/* Text of the package on a terminal: without what would steer it. */
static void print_words(const char *words)
{
    char shown[512];
    struct text t = TEXT(shown);

    text_shown(&t, view_string(words));
    fputs(shown, stdout);
}

static int print_package(const struct options *o, const struct evidence_result *r)
{
    const json_t *period = json_object_get(r->manifest, "period");

    if (o->json)
        return print_json(package_json(r));
    if (r->faults > 0) {
        puts("NOT WHOLE:");
        for (unsigned i = 0; i < r->faults && i < EVIDENCE_FAULTS; i++) {
            fputs("  ", stdout);
            print_words(r->fault[i]);
            putchar('\n');
        }
        if (r->faults > EVIDENCE_FAULTS)
            printf("  and %u more\n", r->faults - EVIDENCE_FAULTS);
        return EXIT_FAILED;
    }
    printf(
        "whole: %u parts as they were signed; %llu records of the audit trail (from %llu on), %llu checkpoints\n",
        r->parts, (unsigned long long)r->trail.records, (unsigned long long)r->trail.first_seq,
        (unsigned long long)r->trail.checkpoints);
    fputs("of ", stdout);
    print_words(member(r->manifest, "institution")[0] != '\0' ? member(r->manifest, "institution")
                                                              : "an institution without a name");
    printf(", %s until %s, made %s for ", member(period, "from"), member(period, "until"),
           member(r->manifest, "made"));
    print_words(member(r->manifest, "prepared_for"));
    putchar('\n');
    if (!r->key_given)
        puts("No key was given: that this institution signed it is not proved. Use --key.");
    return EXIT_DONE;
}

static int verify(const struct options *o)
{
    struct imw_error_info err = { 0 };
    struct audit_result r;
    uint8_t key[KEY_LEN];
    size_t len;

    if (!find_key(o, key, &len, &err))
        return cli_failed(&err);
    if (o->file != NULL && evidence_is_package(o->file)) {
        struct evidence_result *p = calloc(1, sizeof *p);
        if (p == NULL || !evidence_verify_file(o->file, view_of(key, len), p, &err)) {
            free(p);
            return cli_failed(&err);
        }
        const int status = print_package(o, p);
        evidence_result_fini(p);
        free(p);
        return status;
    }
    if (!(o->file != NULL ? audit_verify_file(o->file, view_of(key, len), &r, &err)
                          : verify_database(o, view_of(key, len), &r, &err)))
        return cli_failed(&err);
    return print_trail(o, &r, len > 0);
}

/* ---- package ---- */

/* NULL: out of memory. */
static json_t *split(const char *words)
{
    json_t *list = json_pack("[]");

    for (struct view v = view_string(words); v.len > 0;) {
        const struct view one = view_token(&v, ' ');
        if (one.len > 0)
            (void)json_array_append_new(list, json_stringn((const char *)one.at, one.len));
    }
    return list;
}

static bool ask(struct db *db, struct options *o, int64_t *out_id, struct imw_error_info *err)
{
    static const struct actor command = { .name = "command" };
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    struct act a = { .db = db,
                     .actor = &command,
                     .now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 };
    json_t *parts = split(o->parts);
    o->wish.parts = parts;
    const bool ok = db_begin(db, true, err) && evidence_ask(&a, &o->wish, out_id, err) && db_commit(db, err);
    if (!ok)
        db_rollback(db);
    json_decref(parts);
    return ok;
}

/* Until it is ready, or failed. */
static bool wait_for(struct db *db, int64_t id, struct imw_error_info *err)
{
    struct act a = { .db = db };
    bool ok = true, ready = false;

    for (unsigned tenths = 0; ok && !ready; tenths++) {
        json_t *row = NULL;
        ok = evidence_get(&a, id, &row, err);
        const char *state = ok ? member(row, "state") : "";
        ready = strcmp(state, "ready") == 0;
        if (strcmp(state, "failed") == 0 || strcmp(state, "removed") == 0)
            ok = error_set(err, IMW_ERROR_SYSTEM, "the package was not made: %s", member(row, "why"));
        else if (ok && !ready && tenths == 300 && strcmp(state, "waiting") == 0)
            ok = error_set(err, IMW_ERROR_SYSTEM,
                           "nobody makes the package: does `imward serve` run on this folder?");
        else if (ok && !ready && tenths / 10 > WAIT_S)
            ok = error_set(err, IMW_ERROR_SYSTEM,
                           "the package is not made yet: the console's page has it later");
        json_decref(row);
        if (ok && !ready)
            usleep(100000);
    }
    return ok;
}

static bool copy(const char *from, const char *to, struct imw_error_info *err)
{
    char buffer[16 * 1024];
    FILE *in = fopen(from, "re"), *out = in != NULL ? fopen(to, "wxe") : NULL;
    size_t len;

    if (out == NULL) {
        error_errno(err, in == NULL ? from : to);
        if (in != NULL)
            fclose(in);
        return false;
    }
    bool ok = true;
    while (ok && (len = fread(buffer, 1, sizeof buffer, in)) > 0)
        ok = fwrite(buffer, 1, len, out) == len;
    ok = ok && !ferror(in);
    fclose(in);
    ok = fclose(out) == 0 && ok;
    return ok || error_errno(err, to);
}

static int package(struct options *o)
{
    struct imw_error_info err = { 0 };
    struct db *db = NULL;
    char folder[512], path[600];
    int64_t id = 0;

    snprintf(folder, sizeof folder, "%s/spool/evidence", o->data);
    if (access(o->output, F_OK) == 0) {
        error_file(&err, IMW_ERROR_VALUE, o->output, "it is there already: name a new file");
        return cli_failed(&err);
    }
    bool ok = db_open_data(o->database, o->data != NULL ? o->data : ".", &db, &err) &&
              ask(db, o, &id, &err) && wait_for(db, id, &err);
    db_close(db);
    evidence_path(folder, id, path, sizeof path);
    if (!ok || !copy(path, o->output, &err))
        return cli_failed(&err);
    printf("%s: package %lld. To verify it: imward evidence verify %s --key %s/keys/audit.pub\n", o->output,
           (long long)id, o->output, o->data);
    return EXIT_DONE;
}

static int check_package(struct options *o)
{
    if (o->data == NULL || o->wish.from == NULL || o->wish.until == NULL || o->output == NULL)
        return cli_usage("evidence", "package needs --data DIR, --from DAY, --until DAY and -o FILE");
    return package(o);
}

int command_evidence(int argc, char **argv)
{
    struct options o = { .wish = { .prepared_for = "an examiner", .purpose = "examination" } };
    int option;

    while ((option = getopt_long(argc, argv, "d:k:jo:h", long_options, NULL)) != -1) {
        switch (option) {
        case 'd': o.data = optarg; break;
        case OPTION_DATABASE: o.database = optarg; break;
        case 'k': o.key = optarg; break;
        case 'j': o.json = true; break;
        case 'o': o.output = optarg; break;
        case OPTION_FROM: o.wish.from = optarg; break;
        case OPTION_UNTIL: o.wish.until = optarg; break;
        case OPTION_FOR: o.wish.prepared_for = optarg; break;
        case OPTION_PURPOSE: o.wish.purpose = optarg; break;
        case OPTION_PARTS: o.parts = optarg; break;
        case 'h': fputs(usage, stdout); return EXIT_DONE;
        default: fputs("imward evidence --help tells how it is used.\n", stderr); return EXIT_USAGE;
        }
    }
    const char *what = optind < argc ? argv[optind++] : "";
    const bool is_package = strcmp(what, "package") == 0;
    if (strcmp(what, "verify") != 0 && !is_package)
        return cli_usage("evidence", "say what to do: verify or package");
    if (optind < argc && !is_package)
        o.file = argv[optind++];
    if (optind < argc)
        return cli_usage("evidence", is_package ? "'%s' is too much" : "verify takes one file", argv[optind]);
    if (is_package)
        return check_package(&o);
    if ((o.file != NULL) == (o.data != NULL || o.database != NULL))
        return cli_usage("evidence", "verify takes a file, or --data DIR or --database URL");
    return verify(&o);
}
