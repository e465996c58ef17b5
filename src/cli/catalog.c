/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imward catalog: look into a catalog, check and compile the files it is made of.
 *
 * Results go to standard output, what is wrong to standard error. Exit status: 0 done, 1 failed, 2 wrong use.
 */
#include "base/text.h"
#include "cli/catalog_trust.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

int command_catalog(int argc, char **argv);

enum { EXIT_USE = 2, OPTION_NOT = 256, OPTION_BY, OPTION_WHY };

struct options {
    const char *catalog; /* NULL: the one that is built in */
    const char *out;
    const char *file, *slug, *by, *why; /* of an override */
    int class;                          /* -1: all */
    bool json, help;
};

static const char help_text[] =
    "usage: imward catalog list [--class CLASS] [--json] [--catalog PATH]\n"
    "       imward catalog show SLUG [--json] [--catalog PATH]\n"
    "       imward catalog match NAME|ADDRESS... [--json] [--catalog PATH]\n"
    "       imward catalog check FOLDER\n"
    "       imward catalog compile FOLDER -o FILE\n"
    "       imward catalog trust NAME|NETWORK [--not SLUG] --by WHO --why TEXT [--file FILE]\n"
    "       imward catalog distrust NAME|NETWORK [--not SLUG] --by WHO --why TEXT [--file FILE]\n"
    "       imward catalog overrides [--file FILE] [--json]\n"
    "\n"
    "What is known of every messaging service: names, address ranges, ports, client versions.\n"
    "\n"
    "  list      the services, one a line\n"
    "  show      all entries of one service, with their sources\n"
    "  match     which service a host name or an address belongs to; exit status 1 where one of them to none\n"
    "  check     read the YAML files of a folder and say what is wrong with them\n"
    "  compile   make one file of a folder, for --catalog\n"
    "  trust     this was wrong: the name, with all below it, or the network is no evidence for a service\n"
    "  distrust  take that back\n"
    "  overrides what is trusted and what was, by whom, since when and why\n"
    "\n"
    "  -c, --catalog PATH   a compiled catalog or a folder of YAML files (default: built in)\n"
    "  -k, --class CLASS    im, social, workplace, meeting or voice-chat\n"
    "  -j, --json           one JSON object a line\n"
    "  -o, --output FILE    where to write the compiled catalog\n"
    "  -f, --file FILE      of overrides (default: " OVERRIDES_PATH ")\n"
    "      --not SLUG       it is not this service, while it may be another (default: it is none)\n"
    "      --by WHO         who decides that\n"
    "      --why TEXT       the reason\n"
    "  -h, --help           this text\n";

/* --- output --- */

/* A JSON string: quotes, backslash and control characters escaped (RFC 8259 section 7). */
static void print_json(struct view v)
{
    putchar('"');
    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = v.at[i];
        if (c < ' ')
            printf("\\u%04x", c);
        else if (c == '"' || c == '\\')
            printf("\\%c", c);
        else
            putchar(c);
    }
    putchar('"');
}

static void print_member(const char *key, const char *value)
{
    printf("\"%s\":", key);
    print_json(view_string(value));
}

static void print_service_json(const struct catalog_service *s)
{
    print_member("slug", s->slug);
    putchar(',');
    print_member("name", s->name);
    putchar(',');
    print_member("vendor", s->vendor);
    putchar(',');
    print_member("country", s->vendor_country);
    putchar(',');
    print_member("class", class_name(s->class));
    printf(",\"end_to_end\":%s,", s->end_to_end ? "true" : "false");
    print_member("summary", s->summary);
}

/* Everything is written, or say why not. */
static int finish(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    perror("imward catalog: standard output");
    return EXIT_FAILURE;
}

static int fail(const struct imw_error_info *err)
{
    char text[1024];

    fprintf(stderr, "imward catalog: %s\n", error_format(err, text, sizeof text));
    return EXIT_FAILURE;
}

static int wrong_use(const char *what)
{
    fprintf(stderr, "imward catalog: %s\nTry 'imward catalog --help'.\n", what);
    return EXIT_USE;
}

static bool open_catalog(const struct options *o, struct catalog **out, struct imw_error_info *err)
{
    return o->catalog != NULL ? catalog_open(o->catalog, out, err) : catalog_builtin(out, err);
}

/* --- list --- */

static void print_row(const struct catalog_service *s)
{
    printf("%-18s %-11s %-4s %-22s %s\n", s->slug, class_name(s->class), s->end_to_end ? "e2e" : "",
           s->vendor, s->name);
}

static int list(const struct options *o, int argc, char **argv)
{
    struct imw_error_info err = { 0 };
    struct catalog *c;
    unsigned shown = 0;

    (void)argv;
    if (argc != 0)
        return wrong_use("list takes no argument");
    if (!open_catalog(o, &c, &err))
        return fail(&err);
    if (!o->json)
        printf("%-18s %-11s %-4s %-22s %s\n", "SLUG", "CLASS", "E2E", "VENDOR", "NAME");
    for (unsigned i = 1; i <= catalog_count(c); i++) {
        const struct catalog_service *s = catalog_service(c, (uint16_t)i);
        if (o->class >= 0 && (int)s->class != o->class)
            continue;
        shown++;
        if (!o->json) {
            print_row(s);
            continue;
        }
        putchar('{');
        print_service_json(s);
        puts("}");
    }
    if (!o->json)
        printf("%u services, catalog %.*s\n", shown, (int)catalog_version(c).len,
               (const char *)catalog_version(c).at);
    catalog_close(c);
    return finish(EXIT_SUCCESS);
}

/* --- show --- */

struct showing {
    bool json, first;
    struct view source; /* of the entry before */
    char kind[16];
};

static void show_json(struct showing *s, const char *kind, enum server_role role, enum strength strength,
                      struct view entry, struct view source)
{
    printf("%s{\"kind\":\"%s\",\"entry\":", s->first ? "" : ",", kind);
    print_json(entry);
    printf(",\"role\":\"%s\",\"shared\":%s,\"source\":", server_role_name(role),
           strength == STRENGTH_SHARED ? "true" : "false");
    print_json(source);
    putchar('}');
    s->first = false;
}

static void show_entry(void *context, const char *kind, enum server_role role, enum strength strength,
                       struct view entry, struct view source)
{
    struct showing *s = context;

    if (s->json) {
        show_json(s, kind, role, strength, entry, source);
        return;
    }
    bool same = strcmp(kind, s->kind) == 0;
    if (!same || !view_equal(source, s->source))
        printf("%s%s%s%.*s%s\n", same ? "" : "\n", kind, source.len > 0 ? "   (" : "", (int)source.len,
               (const char *)source.at, source.len > 0 ? ")" : "");
    printf("  %-46.*s %s%s\n", (int)entry.len, (const char *)entry.at,
           role == ROLE_ANY ? "" : server_role_name(role), strength == STRENGTH_SHARED ? " shared" : "");
    snprintf(s->kind, sizeof s->kind, "%s", kind);
    s->source = source;
}

static int show(const struct options *o, int argc, char **argv)
{
    struct imw_error_info err = { 0 };
    struct showing showing = { .json = o->json, .first = true, .source = view_of(NULL, 0) };
    struct catalog *c;

    if (argc != 1)
        return wrong_use("show takes one slug");
    if (!open_catalog(o, &c, &err))
        return fail(&err);
    uint16_t number = catalog_find(c, view_string(argv[0]));
    const struct catalog_service *s = catalog_service(c, number);
    if (s == NULL) {
        catalog_close(c);
        fprintf(stderr, "imward catalog: no service '%s'; 'imward catalog list' names them all\n", argv[0]);
        return EXIT_FAILURE;
    }
    if (o->json) {
        putchar('{');
        print_service_json(s);
        printf(",\"entries\":[");
        catalog_each(c, number, show_entry, &showing);
        puts("]}");
    } else {
        printf("%s (%s) by %s%s%s, class %s%s\n%s\n", s->name, s->slug, s->vendor,
               s->vendor_country[0] ? ", " : "", s->vendor_country, class_name(s->class),
               s->end_to_end ? ", encrypted from person to person" : "", s->summary);
        catalog_each(c, number, show_entry, &showing);
    }
    catalog_close(c);
    return finish(EXIT_SUCCESS);
}

/* --- match --- */

static bool match_one(const struct catalog *c, const char *what, struct catalog_hit *hit)
{
    struct ip_addr addr;

    if (!ip_parse(view_string(what), &addr))
        return catalog_match_name(c, view_string(what), hit);
    return catalog_match_address(c, &addr, 6, 443, hit) || catalog_match_address(c, &addr, 17, 443, hit);
}

static void print_match(const struct catalog *c, bool json, const char *what, const struct catalog_hit *hit)
{
    const char *slug = hit != NULL ? catalog_service(c, hit->service)->slug : "-";

    if (!json) {
        printf("%-40s %-18s", what, slug);
        if (hit != NULL)
            printf(" %-6s %s %.*s", server_role_name(hit->role),
                   hit->strength == STRENGTH_PROOF ? "proof " : "shared", (int)hit->entry.len,
                   (const char *)hit->entry.at);
        putchar('\n');
        return;
    }
    putchar('{');
    print_member("value", what);
    if (hit != NULL) {
        putchar(',');
        print_member("service", slug);
        printf(",\"role\":\"%s\",\"shared\":%s,\"entry\":", server_role_name(hit->role),
               hit->strength == STRENGTH_SHARED ? "true" : "false");
        print_json(hit->entry);
    }
    puts("}");
}

static int match(const struct options *o, int argc, char **argv)
{
    struct imw_error_info err = { 0 };
    struct catalog *c;
    int status = EXIT_SUCCESS;

    if (argc == 0)
        return wrong_use("match takes host names or addresses");
    if (!open_catalog(o, &c, &err))
        return fail(&err);
    for (int i = 0; i < argc; i++) {
        struct catalog_hit hit;
        bool found = match_one(c, argv[i], &hit);
        print_match(c, o->json, argv[i], found ? &hit : NULL);
        if (!found)
            status = EXIT_FAILURE;
    }
    catalog_close(c);
    return finish(status);
}

/* --- check, compile --- */

static int check(const struct options *o, int argc, char **argv)
{
    struct imw_error_info err = { 0 };
    struct catalog *c;

    (void)o;
    if (argc != 1)
        return wrong_use("check takes one folder");
    if (!catalog_open(argv[0], &c, &err))
        return fail(&err);
    printf("%s: %u services, version %.*s\n", argv[0], catalog_count(c), (int)catalog_version(c).len,
           (const char *)catalog_version(c).at);
    catalog_close(c);
    return finish(EXIT_SUCCESS);
}

static int compile(const struct options *o, int argc, char **argv)
{
    struct imw_error_info err = { 0 };

    if (argc != 1 || o->out == NULL)
        return wrong_use("compile takes one folder, and -o FILE");
    return catalog_compile(argv[0], o->out, &err) ? EXIT_SUCCESS : fail(&err);
}

/* --- overrides --- */

static int trust_or_not(const struct options *o, int argc, char **argv, bool trust)
{
    struct imw_error_info err = { 0 };
    struct catalog *c;

    if (argc != 1)
        return wrong_use("trust and distrust take one name or network");
    if (!open_catalog(o, &c, &err))
        return fail(&err);
    const struct trust_request q = {
        .file = o->file, .what = argv[0], .slug = o->slug, .by = o->by, .why = o->why, .trust = trust
    };
    int status = catalog_trust(c, &q);
    catalog_close(c);
    return status == EXIT_SUCCESS ? finish(status) : status;
}

static int trust(const struct options *o, int argc, char **argv)
{
    return trust_or_not(o, argc, argv, true);
}

static int distrust(const struct options *o, int argc, char **argv)
{
    return trust_or_not(o, argc, argv, false);
}

static int overrides(const struct options *o, int argc, char **argv)
{
    (void)argv;
    return argc != 0 ? wrong_use("overrides takes no argument") : catalog_overrides(o->file, o->json);
}

/* --- the command line --- */

static const struct {
    const char *name;
    int (*run)(const struct options *o, int argc, char **argv);
} commands[] = {
    { "list", list },       { "show", show },   { "match", match },       { "check", check },
    { "compile", compile }, { "trust", trust }, { "distrust", distrust }, { "overrides", overrides },
};

static bool read_options(int argc, char **argv, struct options *o, int *out_status)
{
    static const struct option long_options[] = {
        { "catalog", required_argument, NULL, 'c' },
        { "class", required_argument, NULL, 'k' },
        { "json", no_argument, NULL, 'j' },
        { "output", required_argument, NULL, 'o' },
        { "help", no_argument, NULL, 'h' },
        { "file", required_argument, NULL, 'f' },
        { "not", required_argument, NULL, OPTION_NOT },
        { "by", required_argument, NULL, OPTION_BY },
        { "why", required_argument, NULL, OPTION_WHY },
        { NULL, 0, NULL, 0 },
    };
    int option;

    *o = (struct options){ .class = -1, .file = OVERRIDES_PATH };
    optind = 0; /* start anew: the main program may have used getopt itself */
    while ((option = getopt_long(argc, argv, "c:k:jo:f:h", long_options, NULL)) != -1) {
        switch (option) {
        case 'c': o->catalog = optarg; break;
        case 'o': o->out = optarg; break;
        case 'j': o->json = true; break;
        case 'f': o->file = optarg; break;
        case OPTION_NOT: o->slug = optarg; break;
        case OPTION_BY: o->by = optarg; break;
        case OPTION_WHY: o->why = optarg; break;
        case 'h': o->help = true; break;
        case 'k':
            o->class = class_find(view_string(optarg));
            if (o->class >= 0)
                break;
            *out_status = wrong_use("the class is one of im, social, workplace, meeting, voice-chat");
            return false;
        default: *out_status = wrong_use("unknown option or missing value"); return false;
        }
    }
    return true;
}

int command_catalog(int argc, char **argv)
{
    struct options o;
    int status = EXIT_USE;

    if (!read_options(argc, argv, &o, &status))
        return status;
    if (o.help) {
        fputs(help_text, stdout);
        return finish(EXIT_SUCCESS);
    }
    if (optind >= argc)
        return wrong_use("say what to do: list, show, match, check, compile, trust, distrust or overrides");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[optind], commands[i].name) == 0)
            return commands[i].run(&o, argc - optind - 1, argv + optind + 1);
    return wrong_use("unknown word after 'catalog'");
}
