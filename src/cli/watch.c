/* SPDX-License-Identifier: Apache-2.0 */
/* imward watch, imward gateway: the arguments of the live sensor, and of the same between two networks. */
#include "base/log.h"
#include "cli/cli.h"
#include "sensor/sensor.h"
#include <getopt.h>
#include <sched.h>
#include <stdio.h>

#define USAGE_OF_BOTH                                                                                          \
    "  -o, --output WHERE     a file; unix:PATH; syslog:udp://HOST:PORT, syslog:tls://..., syslog:unix:PATH\n" \
    "                         (may be given more than once; default: standard output)\n"                       \
    "      --rotate-size N    begin a new file after so many bytes (K, M or G behind it)\n"                    \
    "      --rotate-every T   and after so many seconds (m, h or d behind it)\n"                               \
    "      --rotate-keep N    old files to keep (default: all)\n"                                              \
    "      --stats-interval T a stats event so often (default 60; 0: none)\n"                                  \
    "\n"                                                                                                       \
    "      --who FILE         who is at which address\n"                                                       \
    "      --radius ADDR:PORT learn it from RADIUS accounting\n"                                               \
    "      --radius-secrets FILE  the secrets of its senders\n"                                                \
    "      --control PATH     control socket (default /run/imward/control.sock; '' for none)\n"                \
    "      --metrics ADDR:PORT    Prometheus metrics and health over HTTP\n"                                   \
    "\n"                                                                                                       \
    "      --user NAME        run as this user (default, for root: imward, where that exists)\n"               \
    "      --no-sandbox       do not restrict system calls and files, to find faults\n"                        \
    "  -d, --duration T       stop by itself after so long\n"                                                  \
    "  -s, --stats            print every counter at the end\n"                                                \
    "  -q, --quiet            log warnings and errors only\n"                                                  \
    "  -h, --help             this text\n"                                                                     \
    "\n"                                                                                                       \
    "SIGHUP reloads catalog, policy, who and secrets; SIGUSR1 begins new event files; SIGTERM and SIGINT\n"    \
    "stop, and write what is left.\n"                                                                          \
    "\n"                                                                                                       \
    "exit status: 0 stopped; 1 could not start, or a process died; 2 wrong use\n"

static const char usage[] =
    "usage: imward watch -i INTERFACE [option ...]\n"
    "\n"
    "Watch an interface, such as the mirror port of a switch, until it is stopped: every use of public\n"
    "instant messaging on it, on any port, with the evidence, as events.\n"
    "\n"
    "  -i, --interface NAME   the interface; it may go away and come back\n"
    "      --xdp              AF_XDP instead of AF_PACKET\n"
    "  -w, --workers N        threads that share the traffic (default 1)\n"
    "      --cpus LIST        CPUs for them, such as 2-5,8 (default: spread over all that we may use)\n"
    "      --no-pin           leave it to the kernel where they run\n"
    "      --ring-mib N       memory for frames that wait, MiB a worker (default 64)\n"
    "      --no-promiscuous   only frames that are sent to this machine\n"
    "      --no-bypass        read settled flows to their end, rather than let the kernel count them\n"
    "\n"
    "  -c, --catalog PATH     catalog to use: a compiled file or a folder of YAML (default: the built-in one)\n"
    "      --overrides FILE   what the institution says against the catalog (default: nothing)\n"
    "  -p, --policy FILE      judge every flow of a service by these rules (default: alert on all)\n"
    "  -a, --all-flows        report flows of no service too\n"
    "      --spool DIR        where files under way are kept, without names (default: $TMPDIR or /tmp)\n"
    "      --max-flows N      flows kept at a time (default 1000000); when full the idlest is ended\n"
    "\n"
    "      --reset            beside the wire: end blocked TCP connections by forged resets to both ends\n"
    "      --reset-dry-run    only count what would have been sent\n"
    "      --reset-rate N     connections reset a second, at most (default 1000)\n"
    "      --reset-never NET  an address or network whose connections are never reset (give it again for more)\n"
    "\n" USAGE_OF_BOTH;

static const char usage_of_gateway[] =
    "usage: imward gateway --policy FILE [option ...]\n"
    "       imward gateway --clear\n"
    "\n"
    "Stand between two networks, as a router or a bridge: every packet of a connection is seen until it is known\n"
    "what it is; what the policy blocks does not pass, and both ends are told. The rest is left to the kernel.\n"
    "\n"
    "  -p, --policy FILE      what is blocked, and how\n"
    "      --fail HOW         when the gateway is gone or overrun: 'open', packets pass (default), or 'closed'\n"
    "  -w, --workers N        threads, each with a queue of its own (default 1)\n"
    "      --first-queue N    NFQUEUE number of the first (default 0)\n"
    "  -i, --interface NAME   look at what is forwarded between these only (give it again for each)\n"
    "      --bridge           frames between ports of a bridge\n"
    "      --rules HOW        'auto', 'nft' or 'iptables': what brings packets to the queues (default auto)\n"
    "      --endpoints        the kernel drops addresses of services that are blocked for everybody by itself\n"
    "      --endpoints-for T  each for so long at most (default 10m); then it is judged anew\n"
    "      --inside NET       a network of ours whose addresses are public (give it again for more)\n"
    "      --drop-at NAME     endpoints, and at this interface before anything else (XDP)\n"
    "      --clear            take down rules that a killed gateway left\n"
    "      --cpus LIST        CPUs for the workers, such as 2-5,8 (default: spread over all that we may use)\n"
    "      --no-pin           leave it to the kernel where they run\n"
    "\n"
    "  -c, --catalog PATH     catalog to use: a compiled file or a folder of YAML (default: the built-in one)\n"
    "      --overrides FILE   what the institution says against the catalog (default: nothing)\n"
    "  -a, --all-flows        report flows of no service too\n"
    "      --spool DIR        where files under way are kept, without names (default: $TMPDIR or /tmp)\n"
    "      --max-flows N      flows kept at a time (default 1000000); when full the idlest is ended\n"
    "\n" USAGE_OF_BOTH;

struct command_options {
    const char *command; /* "watch" or "gateway" */
    struct sensor_config config;
    const char *cpus;
    bool no_pin, quiet, clear;
};

enum {
    ENDPOINTS_FOR_S = 600,
    OPTION_XDP = 256,
    OPTION_CPUS,
    OPTION_NO_PIN,
    OPTION_RING,
    OPTION_NO_PROMISCUOUS,
    OPTION_NO_BYPASS,
    OPTION_MAX_FLOWS,
    OPTION_ROTATE_SIZE,
    OPTION_ROTATE_EVERY,
    OPTION_ROTATE_KEEP,
    OPTION_STATS_INTERVAL,
    OPTION_WHO,
    OPTION_OVERRIDES,
    OPTION_RADIUS,
    OPTION_RADIUS_SECRETS,
    OPTION_CONTROL,
    OPTION_METRICS,
    OPTION_USER,
    OPTION_NO_SANDBOX,
    OPTION_SPOOL,
    OPTION_RESET, /* of watch only, to the next comment */
    OPTION_RESET_DRY_RUN,
    OPTION_RESET_RATE,
    OPTION_RESET_NEVER,
    OPTION_FAIL, /* of gateway only, to the end */
    OPTION_FIRST_QUEUE,
    OPTION_BRIDGE,
    OPTION_RULES,
    OPTION_CLEAR,
    OPTION_ENDPOINTS,
    OPTION_ENDPOINTS_FOR,
    OPTION_INSIDE,
    OPTION_DROP_AT,
};

/* Of both commands. */
#define LONG_OPTIONS                                                                                         \
    { "interface", required_argument, NULL, 'i' }, { "workers", required_argument, NULL, 'w' },              \
        { "cpus", required_argument, NULL, OPTION_CPUS }, { "no-pin", no_argument, NULL, OPTION_NO_PIN },    \
        { "catalog", required_argument, NULL, 'c' }, { "policy", required_argument, NULL, 'p' },             \
        { "all-flows", no_argument, NULL, 'a' }, { "max-flows", required_argument, NULL, OPTION_MAX_FLOWS }, \
        { "overrides", required_argument, NULL, OPTION_OVERRIDES },                                          \
        { "output", required_argument, NULL, 'o' },                                                          \
        { "rotate-size", required_argument, NULL, OPTION_ROTATE_SIZE },                                      \
        { "rotate-every", required_argument, NULL, OPTION_ROTATE_EVERY },                                    \
        { "rotate-keep", required_argument, NULL, OPTION_ROTATE_KEEP },                                      \
        { "stats-interval", required_argument, NULL, OPTION_STATS_INTERVAL },                                \
        { "who", required_argument, NULL, OPTION_WHO },                                                      \
        { "radius", required_argument, NULL, OPTION_RADIUS },                                                \
        { "radius-secrets", required_argument, NULL, OPTION_RADIUS_SECRETS },                                \
        { "control", required_argument, NULL, OPTION_CONTROL },                                              \
        { "metrics", required_argument, NULL, OPTION_METRICS },                                              \
        { "user", required_argument, NULL, OPTION_USER },                                                    \
        { "no-sandbox", no_argument, NULL, OPTION_NO_SANDBOX },                                              \
        { "spool", required_argument, NULL, OPTION_SPOOL }, { "duration", required_argument, NULL, 'd' },    \
        { "stats", no_argument, NULL, 's' }, { "quiet", no_argument, NULL, 'q' },                            \
        { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },

static const struct option watch_options[] = { { "xdp", no_argument, NULL, OPTION_XDP },
                                               { "ring-mib", required_argument, NULL, OPTION_RING },
                                               { "no-promiscuous", no_argument, NULL, OPTION_NO_PROMISCUOUS },
                                               { "no-bypass", no_argument, NULL, OPTION_NO_BYPASS },
                                               { "reset", no_argument, NULL, OPTION_RESET },
                                               { "reset-dry-run", no_argument, NULL, OPTION_RESET_DRY_RUN },
                                               { "reset-rate", required_argument, NULL, OPTION_RESET_RATE },
                                               { "reset-never", required_argument, NULL, OPTION_RESET_NEVER },
                                               LONG_OPTIONS };

static const struct option gateway_options[] = {
    { "fail", required_argument, NULL, OPTION_FAIL },
    { "first-queue", required_argument, NULL, OPTION_FIRST_QUEUE },
    { "bridge", no_argument, NULL, OPTION_BRIDGE },
    { "rules", required_argument, NULL, OPTION_RULES },
    { "clear", no_argument, NULL, OPTION_CLEAR },
    { "endpoints", no_argument, NULL, OPTION_ENDPOINTS },
    { "endpoints-for", required_argument, NULL, OPTION_ENDPOINTS_FOR },
    { "inside", required_argument, NULL, OPTION_INSIDE },
    { "drop-at", required_argument, NULL, OPTION_DROP_AT },
    LONG_OPTIONS
};

/* ---- numbers ---- */

/* A number with one letter of `units` behind it, or none; `worth` is theirs. */
static bool number_with_unit(const char *text, const char *units, const uint64_t *worth, uint64_t max,
                             uint64_t *out)
{
    size_t len = strlen(text);
    const char *unit = len > 1 ? strchr(units, text[len - 1]) : NULL;
    uint64_t factor = unit != NULL ? worth[unit - units] : 1, number;

    if (!view_decimal(view_of(text, unit != NULL ? len - 1 : len), max / factor, &number))
        return false;
    *out = number * factor;
    return true;
}

static bool bytes_of(const char *text, uint64_t *out)
{
    static const uint64_t worth[] = {
        1ull << 10, 1ull << 20, 1ull << 30, 1ull << 10, 1ull << 20, 1ull << 30
    };

    return number_with_unit(text, "KMGkmg", worth, 1ull << 50, out) && *out > 0;
}

static bool seconds_of(const char *text, uint32_t *out)
{
    static const uint64_t worth[] = { 1, 60, 3600, 86400 };
    uint64_t number;

    if (!number_with_unit(text, "smhd", worth, 365ull * 86400, &number))
        return false;
    *out = (uint32_t)number;
    return true;
}

/* ---- CPUs ---- */

static bool next_number(const char **at, unsigned *out)
{
    size_t digits = strspn(*at, "0123456789");
    uint64_t number;

    if (digits == 0 || !view_decimal(view_of(*at, digits), CPU_SETSIZE - 1, &number))
        return false;
    *at += digits;
    *out = (unsigned)number;
    return true;
}

/* "0-3,6" as a set; false where it is not of that form, or names a CPU that `may` does not hold. */
static bool cpus_parse(const char *list, const cpu_set_t *may, cpu_set_t *out)
{
    const char *at = list;

    CPU_ZERO(out);
    for (;;) {
        unsigned first, last;
        if (!next_number(&at, &first))
            return false;
        last = first;
        if (*at == '-' && (at++, !next_number(&at, &last)))
            return false;
        for (unsigned cpu = first; cpu <= last; cpu++) {
            if (!CPU_ISSET(cpu, may))
                return false;
            CPU_SET(cpu, out);
        }
        if (*at == '\0')
            return first <= last;
        if (first > last || *at++ != ',')
            return false;
    }
}

/* The CPU number `nth` of a set. */
static int cpu_nth(const cpu_set_t *set, int nth)
{
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, set) && nth-- == 0)
            return (int)cpu;
    return -1;
}

/* Each worker its CPU: of the list in turn; without one spread over all, where there are enough. */
static bool place_workers(struct command_options *o)
{
    int workers = (int)o->config.live.workers;
    cpu_set_t may, chosen;

    if (sched_getaffinity(0, sizeof may, &may) != 0)
        CPU_ZERO(&may);
    if (o->cpus != NULL && !cpus_parse(o->cpus, &may, &chosen)) {
        cli_usage(o->command, "--cpus takes CPUs that we may use, such as 0-3,6, not '%s'", o->cpus);
        return false;
    }
    int count = CPU_COUNT(o->cpus != NULL ? &chosen : &may);
    bool pin = !o->no_pin && count > 0 && (o->cpus != NULL || workers <= count);
    for (int i = 0; i < (int)LIVE_WORKERS; i++)
        o->config.cpus[i] = !pin              ? -1
                            : o->cpus != NULL ? cpu_nth(&chosen, i % count)
                                              : cpu_nth(&may, (int)((long)i % workers * count / workers));
    return true;
}

/* ---- options ---- */

static bool wrong(const struct command_options *o, const char *option, const char *takes)
{
    cli_usage(o->command, "%s takes %s, not '%s'", option, takes, optarg);
    return false;
}

/* Options that take a number. */
static bool parse_number(int option, struct command_options *o)
{
    struct sensor_config *c = &o->config;
    uint32_t number;

    switch (option) {
    case 'w': return cli_number(o->command, "--workers", optarg, 1, LIVE_WORKERS, &c->live.workers);
    case 'd': return seconds_of(optarg, &c->duration_s) || wrong(o, "--duration", "a time such as 30 or 2h");
    case OPTION_RING: return cli_number(o->command, "--ring-mib", optarg, 1, 2047, &c->live.ring_mib);
    case OPTION_MAX_FLOWS:
        return cli_number(o->command, "--max-flows", optarg, 1000, 100000000, &c->max_flows);
    case OPTION_ROTATE_SIZE:
        return bytes_of(optarg, &c->rotate_bytes) || wrong(o, "--rotate-size", "a size such as 100M");
    case OPTION_ROTATE_EVERY:
        return (seconds_of(optarg, &c->rotate_s) && c->rotate_s > 0) ||
               wrong(o, "--rotate-every", "a time such as 1h or 1d");
    case OPTION_ROTATE_KEEP:
        return cli_number(o->command, "--rotate-keep", optarg, 1, 100000, &c->rotate_keep);
    case OPTION_ENDPOINTS_FOR:
        return (seconds_of(optarg, &c->guard.endpoints.most_s) && c->guard.endpoints.most_s > 0 &&
                c->guard.endpoints.most_s <= 86400) ||
               wrong(o, "--endpoints-for", "a time from 1s to 1d");
    case OPTION_RESET_RATE:
        return cli_number(o->command, "--reset-rate", optarg, 1, 1000000, &c->guard.resets_s);
    case OPTION_FIRST_QUEUE:
        if (!cli_number(o->command, "--first-queue", optarg, 0, 65535 - LIVE_WORKERS, &number))
            return false;
        c->guard.rules.first_queue = (uint16_t)number;
        return true;
    default:
        return seconds_of(optarg, &c->stats_interval_s) ||
               wrong(o, "--stats-interval", "a time such as 60 or 5m");
    }
}

/* Of the gateway. */
static bool add_interface(struct command_options *o)
{
    struct ruleset_config *r = &o->config.guard.rules;

    if (r->interface_count == RULESET_INTERFACES) {
        cli_usage(o->command, "at most %d interfaces", RULESET_INTERFACES);
        return false;
    }
    memcpy(r->interfaces[r->interface_count++], optarg, strlen(optarg) + 1);
    return true;
}

static bool add_network(struct command_options *o, const char *option, struct passive_network *networks,
                        unsigned *count)
{
    if (*count == PASSIVE_NETWORKS) {
        cli_usage(o->command, "at most %d networks with %s", PASSIVE_NETWORKS, option);
        return false;
    }
    struct passive_network *n = &networks[(*count)++];
    return ip_parse_network(view_string(optarg), &n->addr, &n->bits) ||
           wrong(o, option, "an address or a network such as 10.0.0.0/8");
}

/* Of the gateway. */
static bool drop_at(struct command_options *o)
{
    struct guard_config *g = &o->config.guard;

    if (optarg[0] == '\0' || strlen(optarg) >= sizeof g->endpoints.xdp)
        return wrong(o, "--drop-at", "an interface's name, of at most 15 characters");
    memcpy(g->endpoints.xdp, optarg, strlen(optarg) + 1);
    g->rules.endpoints = true;
    return true;
}

static bool parse_fail(struct command_options *o)
{
    struct guard_config *g = &o->config.guard;

    if (strcmp(optarg, "open") != 0 && strcmp(optarg, "closed") != 0)
        return wrong(o, "--fail", "'open' or 'closed'");
    g->fail_open = strcmp(optarg, "open") == 0;
    return true;
}

static bool parse_rules(struct command_options *o)
{
    static const char *const kinds[] = {
        [RULESET_AUTO] = "auto", [RULESET_NFT] = "nft", [RULESET_IPTABLES] = "iptables"
    };

    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(optarg, kinds[i]) == 0) {
            o->config.guard.rules.kind = (enum ruleset_kind)i;
            return true;
        }
    return wrong(o, "--rules", "'auto', 'nft' or 'iptables'");
}

/* Options that take a name, or nothing. */
static bool parse_word(int option, struct command_options *o)
{
    struct sensor_config *c = &o->config;

    switch (option) {
    case 'i':
        if (optarg[0] == '\0' || strlen(optarg) >= sizeof c->live.interface)
            return wrong(o, "--interface", "a name of at most 15 characters");
        if (c->guard.inline_)
            return add_interface(o);
        memcpy(c->live.interface, optarg, strlen(optarg) + 1);
        break;
    case 'o':
        if (c->output_count == OUTPUTS_MAX) {
            cli_usage(o->command, "at most %d outputs", OUTPUTS_MAX);
            return false;
        }
        c->outputs[c->output_count++] = optarg;
        break;
    case 'c': c->catalog = optarg; break;
    case 'p': c->policy = optarg; break;
    case 'a': c->all_flows = true; break;
    case 's': c->stats = true; break;
    case 'q': o->quiet = true; break;
    case OPTION_XDP: c->live.method = LIVE_XDP; break;
    case OPTION_CPUS: o->cpus = optarg; break;
    case OPTION_NO_PIN: o->no_pin = true; break;
    case OPTION_NO_PROMISCUOUS: c->live.promiscuous = false; break;
    case OPTION_NO_BYPASS: c->live.bypass = false; break;
    case OPTION_WHO: c->who = optarg; break;
    case OPTION_OVERRIDES: c->overrides = optarg; break;
    case OPTION_RADIUS: c->radius = optarg; break;
    case OPTION_RADIUS_SECRETS: c->radius_secrets = optarg; break;
    case OPTION_CONTROL: c->control = optarg[0] != '\0' ? optarg : NULL; break;
    case OPTION_METRICS: c->metrics = optarg; break;
    case OPTION_USER: c->user = optarg; break;
    case OPTION_NO_SANDBOX: c->sandbox = false; break;
    case OPTION_SPOOL: c->spool = optarg; break;
    case OPTION_RESET_NEVER: return add_network(o, "--reset-never", c->guard.never, &c->guard.never_count);
    case OPTION_INSIDE: return add_network(o, "--inside", c->guard.inside, &c->guard.inside_count);
    case OPTION_ENDPOINTS: c->guard.rules.endpoints = true; break;
    case OPTION_DROP_AT: return drop_at(o);
    case OPTION_RESET: c->guard.reset = c->live.prompt = true; break;
    case OPTION_RESET_DRY_RUN: c->guard.reset = c->guard.dry_run = true; break;
    case OPTION_FAIL: return parse_fail(o);
    case OPTION_BRIDGE: c->guard.rules.bridge = true; break;
    case OPTION_RULES: return parse_rules(o);
    case OPTION_CLEAR: o->clear = true; break;
    }
    return true;
}

/* What is only right together. */
static bool is_complete(const struct command_options *o, int argc, char **argv)
{
    if (optind < argc)
        cli_usage(o->command, "'%s' is one word too many", argv[optind]);
    else if (!o->config.guard.inline_ && o->config.live.interface[0] == '\0')
        cli_usage(o->command, "no interface given: --interface NAME");
    else if ((o->config.guard.inline_ || o->config.guard.reset) && o->config.policy == NULL && !o->clear)
        cli_usage(o->command, "no policy given, so nothing would be blocked: --policy FILE");
    else if ((o->config.radius == NULL) != (o->config.radius_secrets == NULL))
        cli_usage(o->command, "--radius and --radius-secrets belong together");
    else if (o->no_pin && o->cpus != NULL)
        cli_usage(o->command, "--cpus and --no-pin contradict each other");
    else
        return true;
    return false;
}

/* False: *out_status is the exit status (help was given, or wrong use). */
static bool parse(int argc, char **argv, bool gateway, struct command_options *o, int *out_status)
{
    int option;

    *o = (struct command_options){ .command = gateway ? "gateway" : "watch",
                                   .config = {
                                       .guard = { .inline_ = gateway,
                                                  .fail_open = true,
                                                  .endpoints = { .nft = true, .most_s = ENDPOINTS_FOR_S } },
                                       .live = { .workers = 1, .promiscuous = true, .bypass = true },
                                       .control = CONTROL_PATH,
                                       .stats_interval_s = 60,
                                       .sandbox = true } };
    *out_status = EXIT_USAGE;
    while ((option = getopt_long(argc, argv, "i:w:c:p:ao:d:sqh", gateway ? gateway_options : watch_options,
                                 NULL)) != -1) {
        switch (option) {
        case 'h':
            fputs(gateway ? usage_of_gateway : usage, stdout);
            *out_status = EXIT_DONE;
            return false;
        case '?': fprintf(stderr, "imward %s --help tells how it is used.\n", o->command); return false;
        case 'w':
        case 'd':
        case OPTION_RING:
        case OPTION_MAX_FLOWS:
        case OPTION_ROTATE_SIZE:
        case OPTION_ROTATE_EVERY:
        case OPTION_ROTATE_KEEP:
        case OPTION_STATS_INTERVAL:
        case OPTION_RESET_RATE:
        case OPTION_ENDPOINTS_FOR:
        case OPTION_FIRST_QUEUE:
            if (!parse_number(option, o))
                return false;
            break;
        default:
            if (!parse_word(option, o))
                return false;
        }
    }
    return is_complete(o, argc, argv) && place_workers(o);
}

static int run(int argc, char **argv, bool gateway)
{
    struct command_options o;
    int status;

    if (!parse(argc, argv, gateway, &o, &status))
        return status;
    o.config.guard.rules.queues = (uint16_t)o.config.live.workers;
    o.config.guard.rules.fail_open = o.config.guard.fail_open;
    if (o.config.guard.reset)
        o.config.live.bypass = false; /* a connection that a new policy forbids is to be seen */
    if (o.clear) {
        struct imw_error_info err;
        return ruleset_clear(&err) ? EXIT_DONE : cli_failed(&err);
    }
    if (o.config.output_count == 0)
        o.config.outputs[o.config.output_count++] = "-";
    if (o.quiet)
        log_threshold(LEVEL_WARNING);
    if (o.config.guard.rules.interface_count == 1 && !o.config.guard.rules.bridge)
        log_warning("one_interface",
                    "only what comes in by %s and goes out by it too is guarded: name the others",
                    o.config.guard.rules.interfaces[0]);
    return sensor_watch(&o.config);
}

int command_watch(int argc, char **argv)
{
    return run(argc, argv, false);
}

int command_gateway(int argc, char **argv)
{
    return run(argc, argv, true);
}
