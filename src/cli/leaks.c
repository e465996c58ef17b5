/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imward leaks: make the file of customer data, and try what the search for leaks finds.
 *
 * What it finds it prints masked: also here nobody needs to see the data itself.
 */
#include "cli/cli.h"
#include "content/document.h"
#include "content/exact.h"
#include "content/leak.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static const char usage[] =
    "usage: imward leaks hash --salt FILE [-o OUT] INPUT...\n"
    "       imward leaks test [option ...] FILE...\n"
    "\n"
    "Data that should not leave over instant messaging: docs/leaks.md tells what is looked for.\n"
    "\n"
    "  hash       make the file of customer data of INPUT, one value a line (- is standard input):\n"
    "             keyed hashes only, which tell nothing to whoever has not the salt\n"
    "  test       search files (- is standard input) as messages and files are searched, and print what is\n"
    "             found, masked: file, offset in its text, kind, name\n"
    "\n"
    "  -s, --salt FILE          hash: the salt, 16 bytes or more; test: that of --exact (default: EXACT.salt)\n"
    "  -h, --help               this text\n"
    "hash:\n"
    "  -n, --name NAME          what alerts call the data (default: \"customers\")\n"
    "  -o, --output OUT         where to write (default: standard output)\n"
    "test:\n"
    "  -k, --kinds LIST         of card, ssn, aba-routing, iban, bic, pattern, keyword, customer-data, with\n"
    "                           commas between (default: all)\n"
    "  -p, --pattern NAME=REGEX a pattern of your own; may be given again\n"
    "  -w, --keywords FILE      words and phrases, one a line; may be given again\n"
    "  -x, --exact FILE         customer data, made by imward leaks hash\n"
    "  -t, --text               take every file as plain text, do not look into documents\n"
    "\n"
    "exit status: 0 done, whether something was found or not; 1 failed; 2 wrong use\n";

enum {
    PATTERNS = 100,
    LISTS = 100,
    SHOWN = 10000,          /* findings of one file */
    TEXT_BYTES = 256 << 20, /* of one document */
    TIMEOUT_MS = 60000,
};

static const struct option long_options[] = {
    { "salt", required_argument, NULL, 's' },     { "help", no_argument, NULL, 'h' },
    { "name", required_argument, NULL, 'n' },     { "output", required_argument, NULL, 'o' },
    { "kinds", required_argument, NULL, 'k' },    { "pattern", required_argument, NULL, 'p' },
    { "keywords", required_argument, NULL, 'w' }, { "exact", required_argument, NULL, 'x' },
    { "text", no_argument, NULL, 't' },           { NULL, 0, NULL, 0 },
};

struct options {
    const char *salt, *name, *output;
    struct leak_settings settings;
    struct leak_pattern pattern[PATTERNS];
    const char *list[LISTS];
    bool text, help;
};

static bool take_kinds(const char *words, uint32_t *out)
{
    struct view rest = view_string(words);

    for (*out = 0; rest.len > 0;) {
        struct view word = view_token(&rest, ',');
        unsigned k = 0;
        while (k < LEAK_KIND_COUNT && !view_equal(word, view_string(leak_kind_name((enum leak_kind)k))))
            k++;
        if (k == LEAK_KIND_COUNT) {
            cli_usage("leaks", "--kinds does not know '%.*s'", (int)word.len, (const char *)word.at);
            return false;
        }
        *out |= 1u << k;
    }
    return true;
}

/* Cuts the argument in two, at its first '='. */
static bool take_pattern(char *word, struct options *o)
{
    char *equals = strchr(word, '=');

    if (equals == NULL || equals == word || equals[1] == '\0') {
        cli_usage("leaks", "--pattern takes NAME=REGEX, not '%s'", word);
        return false;
    }
    if (o->settings.pattern_count == PATTERNS) {
        cli_usage("leaks", "at most %d patterns", PATTERNS);
        return false;
    }
    *equals = '\0';
    o->pattern[o->settings.pattern_count++] = (struct leak_pattern){ word, equals + 1 };
    return true;
}

static bool take_list(const char *path, struct options *o)
{
    if (o->settings.keywords.count == LISTS) {
        cli_usage("leaks", "at most %d lists of keywords", LISTS);
        return false;
    }
    o->list[o->settings.keywords.count++] = path;
    return true;
}

static bool read_options(int argc, char **argv, struct options *o)
{
    int option;
    bool ok = true;

    *o = (struct options){ .name = "customers", .settings = { .kinds = LEAK_ALL, .least = 1 } };
    while (ok && (option = getopt_long(argc, argv, "s:hn:o:k:p:w:x:t", long_options, NULL)) != -1) {
        switch (option) {
        case 's': o->salt = optarg; break;
        case 'h': o->help = true; break;
        case 'n': o->name = optarg; break;
        case 'o': o->output = optarg; break;
        case 'k': ok = take_kinds(optarg, &o->settings.kinds); break;
        case 'p': ok = take_pattern(optarg, o); break;
        case 'w': ok = take_list(optarg, o); break;
        case 'x': o->settings.exact = optarg; break;
        case 't': o->text = true; break;
        default: fputs("imward leaks --help tells how it is used.\n", stderr); return false;
        }
    }
    o->settings.patterns = o->pattern;
    o->settings.keywords.at = o->list;
    o->settings.salt = o->salt;
    return ok;
}

/* ---- hash ---- */

struct tally {
    uint64_t taken, refused, first_refused; /* line */
};

static bool put_lines(struct exact_maker *m, const char *path, struct tally *t, struct imw_error_info *err)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *f = standard ? stdin : fopen(path, "re");
    enum exact_put put = EXACT_TAKEN;
    char *line = NULL;
    size_t size = 0;
    ssize_t n;

    if (f == NULL)
        return error_errno(err, path);
    for (uint64_t number = 1; put != EXACT_NO_MEMORY && (n = getline(&line, &size, f)) >= 0; number++) {
        struct view value = view_trim(view_of(line, (size_t)n));
        if (value.len == 0)
            continue;
        put = exact_put(m, value);
        t->taken += put == EXACT_TAKEN;
        if (put == EXACT_REFUSED && t->refused++ == 0)
            t->first_refused = number;
    }
    bool ok = put != EXACT_NO_MEMORY
                  ? ferror(f) == 0 || error_errno(err, path)
                  : error_file(err, IMW_ERROR_MEMORY, path, "no memory for so many values");
    free(line);
    if (!standard)
        fclose(f);
    return ok;
}

/* Beside OUT first, so that whoever reads OUT finds the old file or the new one. */
static bool write_out(struct exact_maker *m, const char *path, uint64_t *rows, struct imw_error_info *err)
{
    char beside[4096];
    int length = snprintf(beside, sizeof beside, "%s.new", path != NULL ? path : "");
    FILE *f = path == NULL ? stdout : NULL;

    if (path != NULL && (size_t)length < sizeof beside)
        f = fopen(beside, "we");
    bool ok = f != NULL && exact_write(m, f, rows) && fflush(f) == 0;
    if (path == NULL)
        return ok || error_errno(err, "standard output");
    if (f != NULL)
        ok = fclose(f) == 0 && ok;
    ok = ok && rename(beside, path) == 0;
    if (!ok) {
        (void)error_errno(err, path);
        if (f != NULL)
            unlink(beside);
    }
    return ok;
}

static int hash(const struct options *o, int count, char **inputs)
{
    struct imw_error_info err;
    struct exact_maker *m;
    struct tally t = { 0 };
    uint64_t rows = 0;

    if (o->salt == NULL || count == 0)
        return cli_usage("leaks", "hash takes --salt FILE and files of values");
    if (o->output == NULL && isatty(STDOUT_FILENO))
        return cli_usage("leaks", "what hash makes is not for a terminal: -o OUT");
    if (!exact_maker_new(o->salt, o->name, &m, &err))
        return cli_failed(&err);
    bool ok = true;
    for (int i = 0; ok && i < count; i++)
        ok = put_lines(m, inputs[i], &t, &err);
    if (ok && t.taken == 0)
        ok = error_set(&err, IMW_ERROR_VALUE, "no value that can be looked for");
    ok = ok && write_out(m, o->output, &rows, &err);
    exact_maker_free(m);
    if (t.refused > 0)
        fprintf(
            stderr,
            "imward: %llu values left out, the first in line %llu: a value has 6 to 63 letters and digits, "
            "with two digits in a row or an @\n",
            (unsigned long long)t.refused, (unsigned long long)t.first_refused);
    if (!ok)
        return cli_failed(&err);
    fprintf(stderr, "imward: %llu different values\n", (unsigned long long)rows);
    return EXIT_DONE;
}

/* ---- test ---- */

struct tester {
    struct leak_search *search;
    struct documents *documents; /* NULL: text only */
    struct leak_finding *found;
};

static void search_more(void *context, struct view text)
{
    leak_more(context, text);
}

static bool search_plain(const struct tester *t, int fd, const char *path, struct imw_error_info *err)
{
    uint8_t bytes[65536];
    ssize_t n;

    while ((n = read(fd, bytes, sizeof bytes)) > 0)
        leak_more(t->search, view_of(bytes, (size_t)n));
    return n == 0 || error_errno(err, path);
}

/* Standard input may be a pipe, in which nothing can be looked up. */
static int keep_in_memory(int fd)
{
    uint8_t bytes[65536];
    int kept = memfd_create("input", MFD_CLOEXEC);
    ssize_t n = -1;

    while (kept >= 0 && (n = read(fd, bytes, sizeof bytes)) > 0)
        if (write(kept, bytes, (size_t)n) != n)
            break;
    if (kept >= 0 && n != 0) {
        close(kept);
        return -1;
    }
    return kept;
}

static bool search_document(const struct tester *t, int fd, const char *path, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };

    switch (document_read(t->documents, fd, "", TEXT_BYTES, TIMEOUT_MS, search_more, t->search, &why)) {
    case DOCUMENT_DONE: return true;
    case DOCUMENT_NO_TEXT: fprintf(stderr, "imward: %s: not a document that has text\n", path); return true;
    case DOCUMENT_CUT: fprintf(stderr, "imward: %s: too long, searched in part\n", path); return true;
    case DOCUMENT_ENCRYPTED: return error_file(err, IMW_ERROR_FORMAT, path, "encrypted");
    case DOCUMENT_FAILED: break;
    }
    return error_file(err, IMW_ERROR_FORMAT, path, "%s", why.text);
}

static bool test_file(const struct tester *t, const char *path, struct imw_error_info *err)
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? t->documents != NULL ? keep_in_memory(STDIN_FILENO) : dup(STDIN_FILENO)
                      : open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return error_errno(err, path);
    leak_begin(t->search, t->found, SHOWN);
    bool ok = t->documents != NULL ? search_document(t, fd, path, err) : search_plain(t, fd, path, err);
    unsigned count = leak_end(t->search);
    for (unsigned i = 0; i < count && i < SHOWN; i++) {
        const struct leak_finding *f = &t->found[i];
        printf("%s:%llu: %s%s%s %s\n", path, (unsigned long long)f->offset, leak_kind_name(f->kind),
               f->name[0] != '\0' ? " " : "", f->name, f->masked);
    }
    if (count > SHOWN)
        printf("%s: %u more\n", path, count - SHOWN);
    close(fd);
    return ok;
}

static int test(const struct options *o, int count, char **files)
{
    struct imw_error_info err = { 0 };
    struct leak_rules *rules = NULL;
    struct tester t = { .found = calloc(SHOWN, sizeof *t.found) };
    int status = EXIT_DONE;

    if (count == 0) {
        free(t.found);
        return cli_usage("leaks", "test takes files to search");
    }
    if (t.found == NULL)
        (void)error_set(&err, IMW_ERROR_MEMORY, "no memory");
    if (t.found == NULL || (!o->text && !documents_new(&t.documents, &err)) ||
        !leak_rules_new(&o->settings, &rules, &err) || !leak_search_new(rules, &t.search, &err)) {
        status = cli_failed(&err);
        count = 0;
    }
    for (int i = 0; i < count; i++)
        if (!test_file(&t, files[i], &err))
            status = cli_failed(&err);
    leak_search_free(t.search);
    leak_rules_free(rules);
    documents_free(t.documents);
    free(t.found);
    return status;
}

/* ---- the command line ---- */

int command_leaks(int argc, char **argv)
{
    struct options o;

    if (!read_options(argc, argv, &o))
        return EXIT_USAGE;
    if (o.help) {
        fputs(usage, stdout);
        return EXIT_DONE;
    }
    const char *what = optind < argc ? argv[optind++] : "";
    int status;
    if (strcmp(what, "hash") == 0)
        status = hash(&o, argc - optind, argv + optind);
    else if (strcmp(what, "test") == 0)
        status = test(&o, argc - optind, argv + optind);
    else
        return cli_usage("leaks", "say what to do: hash or test");
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("imward: standard output");
        status = EXIT_FAILED;
    }
    return status;
}
