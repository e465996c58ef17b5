/* SPDX-License-Identifier: Apache-2.0 */
/* imward policy: check a policy, and explain what it says to a flow that is described by options;
 * policy_test.c, policy_diff.c, policy_drill.c, policy_export.c and policy_follow.c have the other words. */
#include "cli/policy.h"
#include "identify/catalog.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char usage[] =
    "usage: imward policy check [--strict] [--catalog PATH] FILE\n"
    "       imward policy explain --policy FILE [fact ...] [--catalog PATH]\n"
    "       imward policy test --policy FILE [--catalog PATH] TABLE ...\n"
    "       imward policy diff [--json] [--catalog PATH] FROM TO EVENTS|CAPTURE ...\n"
    "       imward policy drill --policy FILE --to ADDRESS [option ...]\n"
    "       imward policy export TARGET --policy FILE [-o FILE] [--catalog PATH]\n"
    "       imward policy follow --from URL --token-file FILE --key HEX|FILE --to DIR [option ...]\n"
    "\n"
    "The institution's rules, in YAML: docs/policy.md tells the language.\n"
    "\n"
    "  check      read FILE and say what is wrong with it, then what is probably not meant so: rules that\n"
    "             are never reached, exceptions that have expired, groups that nobody is in; and what it\n"
    "             says of content: scans, leaks, the vault, detectors\n"
    "  explain    which rule decides on a flow with these facts, and why each rule before it does not\n"
    "  test       does the policy say what these tables of cases (YAML) expect?\n"
    "  diff       judge flows of the past by two policies, and say whose would be judged otherwise: those of\n"
    "             events (imward read --json, imward watch; - is standard input) or captures\n"
    "  drill      prove that what the policy blocks is blocked: imward policy drill --help\n"
    "  export     write what FILE blocks for another program: imward policy export --help\n"
    "  follow     keep a gateway's files as the console has them: imward policy follow --help\n"
    "\n"
    "  -p, --policy FILE        the policy\n"
    "  -c, --catalog PATH       catalog to use (default: the built-in one)\n"
    "      --strict             check: a warning makes exit status 1 too\n"
    "  -j, --json               diff: one JSON object\n"
    "\n"
    "facts, all optional; a condition on what is not given does not hold:\n"
    "      --service SLUG       such as whatsapp\n"
    "      --class CLASS        of a service that is not in the catalog\n"
    "      --protocol NAME      such as irc\n"
    "      --activity LIST      of lookup, login, presence, chat, file, call, with commas between\n"
    "      --delivery NAME      server-proxy, server-broker or peer\n"
    "      --port-agile         the protocol runs on a port that is not its own\n"
    "      --client ADDRESS     who opened the flow\n"
    "      --server ADDRESS     the other end\n"
    "      --server-name NAME   that the client asked for\n"
    "      --client-version V   such as \"ICQ 6.5\"\n"
    "      --user NAME          as in the file of people\n"
    "      --time TIME          UTC, such as 2026-11-23T10:30 (default: now)\n"
    "  -h, --help               this text\n"
    "\n"
    "options of export alone:\n"
    "  -o, --output FILE        write to FILE, at once and whole (default: standard output)\n"
    "      --bare               without the head, for programs that mind\n"
    "      --proxy HOST:PORT    pac: the proxy that the rest goes to (default: directly)\n"
    "      --block-page HOST    where names of blocked services lead, for targets that can say so\n"
    "  -l, --list               name the targets\n"
    "\n"
    "exit status: 0 done; 1 the policy is wrong, a case failed, or a file could not be read; 2 wrong use\n";

enum {
    OPTION_STRICT = 256,
    OPTION_SERVICE,
    OPTION_CLASS,
    OPTION_PROTOCOL,
    OPTION_ACTIVITY,
    OPTION_DELIVERY,
    OPTION_PORT_AGILE,
    OPTION_CLIENT,
    OPTION_SERVER,
    OPTION_SERVER_NAME,
    OPTION_CLIENT_VERSION,
    OPTION_USER,
    OPTION_TIME,
};

static const struct option long_options[] = {
    { "policy", required_argument, NULL, 'p' },
    { "catalog", required_argument, NULL, 'c' },
    { "help", no_argument, NULL, 'h' },
    { "strict", no_argument, NULL, OPTION_STRICT },
    { "service", required_argument, NULL, OPTION_SERVICE },
    { "class", required_argument, NULL, OPTION_CLASS },
    { "protocol", required_argument, NULL, OPTION_PROTOCOL },
    { "activity", required_argument, NULL, OPTION_ACTIVITY },
    { "delivery", required_argument, NULL, OPTION_DELIVERY },
    { "port-agile", no_argument, NULL, OPTION_PORT_AGILE },
    { "client", required_argument, NULL, OPTION_CLIENT },
    { "server", required_argument, NULL, OPTION_SERVER },
    { "server-name", required_argument, NULL, OPTION_SERVER_NAME },
    { "client-version", required_argument, NULL, OPTION_CLIENT_VERSION },
    { "user", required_argument, NULL, OPTION_USER },
    { "time", required_argument, NULL, OPTION_TIME },
    { NULL, 0, NULL, 0 },
};

struct options {
    const char *policy, *catalog, *service;
    struct ip_addr client, server;
    struct policy_facts facts;
    bool strict, help;
};

/* ---- facts ---- */

/* A number that a word has; false says what is wrong. */
static bool take_word(const char *option, const char *word, int number, int lowest)
{
    if (number >= lowest)
        return true;
    cli_usage("policy", "--%s does not know '%s'", option, word);
    return false;
}

static bool take_activities(const char *words, uint8_t *out)
{
    struct view rest = view_string(words);

    while (rest.len > 0) {
        int number = activity_find(view_token(&rest, ','));
        if (!take_word("activity", words, number, 0))
            return false;
        *out |= (uint8_t)(1u << number);
    }
    return true;
}

static bool take_address(const char *option, const char *word, struct ip_addr *out,
                         const struct ip_addr **fact)
{
    *fact = out;
    if (ip_parse(view_string(word), out))
        return true;
    cli_usage("policy", "--%s takes an address, not '%s'", option, word);
    return false;
}

static bool take_time(const char *word, uint64_t *out)
{
    struct tm tm = { 0 };
    const char *rest = strptime(word, "%Y-%m-%dT%H:%M", &tm);

    if (rest == NULL || (rest[0] != '\0' && strcmp(rest, "Z") != 0) || tm.tm_year < 70) {
        cli_usage("policy", "--time takes a time such as 2026-11-23T10:30, not '%s'", word);
        return false;
    }
    *out = (uint64_t)timegm(&tm) * 1000000;
    return true;
}

static bool take_fact(int option, const char *word, struct options *o)
{
    struct policy_facts *f = &o->facts;
    struct view v = view_string(word);
    int number;

    switch (option) {
    case OPTION_SERVICE: o->service = word; return true;
    case OPTION_PORT_AGILE: f->port_agile = true; return true;
    case OPTION_SERVER_NAME: f->server_name = v; return true;
    case OPTION_CLIENT_VERSION: f->client_version = v; return true;
    case OPTION_USER: f->user = v; return true;
    case OPTION_CLIENT: return take_address("client", word, &o->client, &f->client);
    case OPTION_SERVER: return take_address("server", word, &o->server, &f->server);
    case OPTION_ACTIVITY: return take_activities(word, &f->activities);
    case OPTION_TIME: return take_time(word, &f->time_us);
    case OPTION_CLASS:
        number = class_find(v);
        f->class = (enum service_class)number;
        return take_word("class", word, number, 0);
    case OPTION_PROTOCOL:
        number = protocol_find(v);
        f->protocol = (enum protocol)number;
        return take_word("protocol", word, number, PROTOCOL_UNKNOWN + 1);
    default: /* OPTION_DELIVERY */
        number = delivery_find(v);
        f->delivery = (enum delivery)number;
        return take_word("delivery", word, number, DELIVERY_UNKNOWN + 1);
    }
}

static bool read_options(int argc, char **argv, struct options *o)
{
    int option;

    *o = (struct options){ .facts = { .class = CLASS_COUNT,
                                      .time_us = (uint64_t)time(NULL) * 1000000,
                                      .server_name = VIEW(""),
                                      .client_version = VIEW(""),
                                      .user = VIEW("") } };
    while ((option = getopt_long(argc, argv, "p:c:h", long_options, NULL)) != -1) {
        switch (option) {
        case 'p': o->policy = optarg; break;
        case 'c': o->catalog = optarg; break;
        case 'h': o->help = true; break;
        case OPTION_STRICT: o->strict = true; break;
        case '?': fputs("imward policy --help tells how it is used.\n", stderr); return false;
        default:
            if (!take_fact(option, optarg, o))
                return false;
        }
    }
    return true;
}

/* ---- check ---- */

static void print_warning(void *context, const char *file, unsigned line, const char *text)
{
    (void)context;
    fprintf(stderr, "%s:%u: warning: %s\n", file, line, text);
}

static int check(const struct options *o, const struct policy *p, const char *path)
{
    unsigned warnings = policy_check(p, o->facts.time_us, print_warning, NULL);

    printf("%s: %u rules, %u warnings\nversion: %s\n", path, policy_rules(p), warnings, policy_version(p));
    policy_print(p, stdout);
    return o->strict && warnings > 0 ? EXIT_FAILED : EXIT_DONE;
}

/* ---- explain ---- */

static void print_keys(FILE *out, const char *before, uint32_t keys)
{
    for (unsigned k = 0, n = 0; k < POLICY_KEY_COUNT; k++)
        if ((keys >> k & 1) != 0)
            fprintf(out, "%s%s", n++ == 0 ? before : ", ", policy_key_name((enum policy_key)k));
}

void policy_print_reason(FILE *out, const struct policy_reason *r)
{
    print_keys(out, "; differs: ", r->failed & ~r->unknown);
    print_keys(out, "; not known: ", r->unknown);
    if (r->expired)
        fputs("; its exception has expired", out);
}

static void print_reason(void *context, const struct policy_reason *r)
{
    (void)context;
    printf("%4u  %s: no match", r->number, r->rule);
    policy_print_reason(stdout, r);
    putchar('\n');
}

static void print_kept(const char *what, uint32_t for_s)
{
    bool days = for_s % 86400 == 0;

    if (for_s > 0)
        printf("      %s are kept for %u %s\n", what, for_s / (days ? 86400 : 3600), days ? "days" : "hours");
}

static int explain(struct options *o, const struct policy *p, const struct catalog *catalog)
{
    struct policy_verdict verdict;
    enum service_class class = o->facts.class;

    if (o->service != NULL) {
        o->facts.service = catalog_find(catalog, view_string(o->service));
        if (o->facts.service == 0)
            return cli_usage("policy", "no service '%s'; imward catalog list names them all", o->service);
        class = catalog_service(catalog, o->facts.service)->class;
    }
    policy_explain(p, &o->facts, print_reason, NULL, &verdict);
    if (verdict.number > 0)
        printf("%4u  %s: %s\n", verdict.number, verdict.rule, policy_action_name(verdict.action));
    else if (policy_default(p, class) == policy_default(p, CLASS_COUNT))
        printf("   -  no rule matches; default: %s\n", policy_action_name(verdict.action));
    else
        printf("   -  no rule matches; default of class %s: %s\n", class_name(class),
               policy_action_name(verdict.action));
    if (verdict.action == POLICY_BLOCK)
        printf("      it is stopped with: %s\n", policy_means_name(verdict.means));
    if (verdict.throttle > 0)
        printf("      it is held to %u bytes a second\n", verdict.throttle);
    print_kept("messages", verdict.keep_messages_s);
    print_kept("files", verdict.keep_files_s);
    return EXIT_DONE;
}

/* ---- the command line ---- */

bool policy_catalog(const char *path, struct catalog **out, struct imw_error_info *err)
{
    return path != NULL ? catalog_open(path, out, err) : catalog_builtin(out, err);
}

int policy_help(void)
{
    fputs(usage, stdout);
    return EXIT_DONE;
}

static int run(struct options *o, const char *path, bool checking)
{
    struct imw_error_info err;
    struct catalog *catalog;
    struct policy *p = NULL;
    int status;

    if (!policy_catalog(o->catalog, &catalog, &err))
        return cli_failed(&err);
    if (!policy_load(path, catalog, &p, &err))
        status = cli_failed(&err);
    else
        status = checking ? check(o, p, path) : explain(o, p, catalog);
    policy_free(p);
    catalog_close(catalog);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("imward: standard output");
        status = EXIT_FAILED;
    }
    return status;
}

int command_policy(int argc, char **argv)
{
    static const struct {
        const char *word;
        int (*run)(int argc, char **argv);
    } words[] = { { "test", policy_test },
                  { "diff", policy_diff },
                  { "drill", policy_drill },
                  { "export", policy_export },
                  { "follow", policy_follow } };
    struct options o;

    for (unsigned i = 0; argc > 1 && i < sizeof words / sizeof words[0]; i++)
        if (strcmp(argv[1], words[i].word) == 0)
            return words[i].run(argc - 1, argv + 1);
    if (!read_options(argc, argv, &o))
        return EXIT_USAGE;
    if (o.help)
        return policy_help();
    const char *what = optind < argc ? argv[optind++] : "";
    bool checking = strcmp(what, "check") == 0;
    if (!checking && strcmp(what, "explain") != 0)
        return cli_usage("policy", "say what to do: check, explain, test, diff, drill, export or follow");
    if (checking && optind < argc)
        o.policy = argv[optind++];
    if (o.policy == NULL || optind < argc)
        return cli_usage("policy", "%s",
                         checking ? "check takes one file"
                                  : "explain takes --policy FILE, and facts as options");
    return run(&o, o.policy, checking);
}
