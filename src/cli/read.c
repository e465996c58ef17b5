/* SPDX-License-Identifier: Apache-2.0 */
/* imward read: analyse captures. A table for people, JSON events for programs. */
#include "cli/cli.h"
#include "cli/read_store.h"
#include "content/plain.h"
#include "content/spool.h"
#include "engine/engine.h"
#include "sensor/sandbox.h"
#include "sensor/who_file.h"
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: imward read [option ...] FILE ...\n"
    "\n"
    "Analyse captures (pcap or pcapng, plain, gzip or zstd; - is standard input): every use of public\n"
    "instant messaging in them, on any port, with the evidence. A table, or events with --json.\n"
    "\n"
    "  -j, --json           events on standard output, one JSON object a line (a superset of EVE)\n"
    "  -o, --output FILE    write there instead of standard output\n"
    "  -c, --catalog PATH   catalog to use: a compiled file or a folder of YAML (default: the built-in one)\n"
    "      --overrides FILE what the institution says against the catalog (default: nothing)\n"
    "  -p, --policy FILE    judge every flow of a service by these rules (default: alert on all)\n"
    "  -w, --workers N      threads that share the work (default: the processors, at most 4, for 64 MiB or more\n"
    "                       of captures; 1 for less)\n"
    "      --messages       tell every message that is sent in clear text, with its words\n"
    "      --extract DIR    save every file that is sent in the clear into this folder\n"
    "      --scan[=CLAMD]   look into these files: type, archives, viruses by clamd (default\n"
    "                       unix:/run/clamav/clamd.ctl), and what else the policy names\n"
    "      --leaks          search messages and files for card numbers, accounts and the like\n"
    "      --threats        look for worms, hijacked sessions, impersonation, evasion ...\n"
    "      --graph FILE     write at the end, as JSON, who has whom in a list, and who writes to whom; - is\n"
    "                       standard output, where --output sends the result elsewhere\n"
    "  -a, --all-flows      report flows of no service too\n"
    "  -x, --explain FLOW   tell the whole way to the decision on one flow: its flow_id, its Community ID,\n"
    "                       or ADDRESS:PORT of one end, or of both with a comma between\n"
    "  -s, --stats          print every counter, drops and limits included, at the end\n"
    "      --who FILE       who is at which address, as for imward watch\n"
    "      --max-flows N    flows kept at a time (default 1000000); when full the idlest is ended\n"
    "      --store WHERE    into the database of a console: the data folder of imward serve, which may run\n"
    "                       meanwhile, or a URL; each capture is stored once, by its content\n"
    "      --again          with --store: once more all the same\n"
    "      --sandbox        read with no more rights than needed: no other files, few system calls\n"
    "      --no-colour      no colour, even on a terminal (the variable NO_COLOR does the same)\n"
    "  -q, --quiet          no progress bar\n"
    "  -h, --help           this text\n"
    "\n"
    "exit status: 0 done; 1 a file could not be read, or not to its end (the others are analysed all the\n"
    "same); 2 wrong use\n";

struct read_options {
    bool json, all_flows, stats, quiet, no_colour;
    bool messages, scan, leaks, threats;
    bool again, sandbox;
    const char *store;
    const char *extract, *clamd, *graph;
    const char *output, *catalog, *overrides, *policy, *explain, *who;
    unsigned workers; /* 0: by the size of the captures */
    uint32_t max_flows;
};

enum { MESSAGE_BYTES = 16384 };

struct reader {
    const struct read_options *options;
    FILE *out;
    struct table *table;
    struct who_file *who;        /* NULL: none */
    struct documents *documents; /* NULL: nobody searches them */
    struct graph *graph;         /* NULL: not asked for */
    pthread_mutex_t out_lock;
    bool progress; /* a bar is wanted */
    bool progress_shown;
    bool explained, explained_any;
    atomic_bool out_of_memory, problems;
    uint64_t started_ms, events;
    const char *name;
};

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- what the engine tells ---- */

static void write_line(struct reader *r, const char *line, size_t len)
{
    pthread_mutex_lock(&r->out_lock);
    fwrite(line, 1, len, r->out);
    r->events++;
    pthread_mutex_unlock(&r->out_lock);
}

static void on_trace(void *context, const struct flow *f, uint64_t time_us, const char *line);

/* A flow that was asked about: where a name or a range of the catalog decided, how that is set right. */
static void explain_undo(struct reader *r, const struct flow_event *e)
{
    const char *slug = catalog_service(e->catalog, e->flow->service)->slug;
    char line[512];

    for (unsigned i = 0; e->record != NULL && i < e->record->evidence_count; i++) {
        switch ((enum evidence_kind)e->record->evidence[i].kind) {
        case EVIDENCE_SNI:
        case EVIDENCE_QUIC_SNI:
        case EVIDENCE_CERTIFICATE:
        case EVIDENCE_HTTP_HOST:
        case EVIDENCE_TUNNEL_TARGET:
        case EVIDENCE_DNS_QUERY:
        case EVIDENCE_DNS_ADDRESS:
        case EVIDENCE_RANGE:
        case EVIDENCE_SHARED_RANGE: break;
        default: continue;
        }
        if (e->record->evidence[i].service != e->flow->service)
            continue;
        snprintf(line, sizeof line, "verdict: %s by rule \"%s\"", e->verdict.action, e->verdict.rule);
        on_trace(r, e->flow, e->last_us, line);
        snprintf(line, sizeof line, "is that wrong? imward catalog trust %s --not %s --by WHO --why TEXT",
                 e->record->evidence[i].value, slug);
        on_trace(r, e->flow, e->last_us, line);
        return;
    }
}

static void on_flow(void *context, const struct flow_event *e)
{
    struct reader *r = context;
    char line[EVE_LINE_BYTES];

    if ((e->flow->flags & FLOW_TRACED) != 0 && e->flow->service != 0)
        explain_undo(r, e);
    if (r->options->json)
        write_line(r, line, eve_flow(e, line));
    else if (!table_add(r->table, e))
        r->out_of_memory = true;
}

static void on_activity(void *context, const struct activity_event *e)
{
    struct reader *r = context;
    char line[EVE_LINE_BYTES], plain[MESSAGE_BYTES];
    struct text text = TEXT(plain);
    struct activity_event told = *e;

    if (r->options->messages && e->activity == ACTIVITY_CHAT && e->detail->text.len > 0) {
        plain_text(&text, e->detail->markup, e->detail->text);
        told.plain = plain;
    }
    if (r->options->json)
        write_line(r, line, eve_activity(&told, line));
    else if (told.plain != NULL && !table_add_message(r->table, &told))
        r->out_of_memory = true;
}

static void on_file(void *context, const struct file_event *e)
{
    struct reader *r = context;
    char line[EVE_LINE_BYTES];

    if (r->options->json)
        write_line(r, line, eve_file(e, line));
    else if (!table_add_file(r->table, e))
        r->out_of_memory = true;
}

static void on_alert(void *context, const struct alert_event *e)
{
    struct reader *r = context;
    char line[EVE_LINE_BYTES];

    if (r->options->json)
        write_line(r, line, eve_alert(e, line));
    else if (!table_add_alert(r->table, e))
        r->out_of_memory = true;
}

static void on_problem(void *context, const struct imw_error_info *err)
{
    struct reader *r = context;

    r->problems = true;
    (void)cli_failed(err);
}

static bool is_inside(void *context, const struct ip_addr *addr)
{
    return policy_is_inside(context, addr);
}

static bool on_who(void *context, const struct ip_addr *addr, uint64_t now_us, struct known_who *known)
{
    const struct reader *r = context;

    (void)now_us;
    return who_file_tell(r->who, addr, known);
}

static void clear_progress(struct reader *r)
{
    if (r->progress_shown)
        fputs("\r\x1b[K", stderr);
    r->progress_shown = false;
}

static void on_trace(void *context, const struct flow *f, uint64_t time_us, const char *line)
{
    struct reader *r = context;
    char client[64], server[64];
    struct text c = TEXT(client), s = TEXT(server);
    FILE *out = r->options->json ? stderr : r->out;

    text_address(&c, &f->key.addr[FROM_CLIENT]);
    text_address(&s, &f->key.addr[FROM_SERVER]);
    pthread_mutex_lock(&r->out_lock);
    clear_progress(r);
    if (!r->explained)
        fprintf(out, "%s: flow %llu, %s %s:%u to %s:%u\n", r->name, (unsigned long long)flow_number(f),
                f->key.l4 == L4_TCP ? "TCP" : "UDP", client, f->key.port[0], server, f->key.port[1]);
    r->explained = r->explained_any = true;
    uint64_t since = time_us > f->first_us ? time_us - f->first_us : 0;
    fprintf(out, "  %7llu.%06llu  %s\n", (unsigned long long)(since / 1000000),
            (unsigned long long)(since % 1000000), line);
    pthread_mutex_unlock(&r->out_lock);
}

static void on_progress(void *context, uint64_t done, uint64_t size)
{
    enum { WIDTH = 30, AFTER_MS = 1000 };
    struct reader *r = context;
    uint64_t ms = now_ms() - r->started_ms;

    if (!r->progress || ms < AFTER_MS)
        return;
    unsigned filled = size == 0 ? 0 : done < size ? (unsigned)(done * WIDTH / size) : WIDTH;
    pthread_mutex_lock(&r->out_lock);
    r->progress_shown = true;
    if (size == 0)
        fprintf(stderr, "\r%s: %llu MiB read\x1b[K", r->name, (unsigned long long)(done >> 20));
    else
        fprintf(stderr, "\r%s [%.*s%.*s] %llu %%  %llu MiB/s\x1b[K", r->name, (int)filled,
                "##############################", (int)(WIDTH - filled), "..............................",
                (unsigned long long)(done < size ? done * 100 / size : 100),
                (unsigned long long)((done >> 20) * 1000 / ms));
    pthread_mutex_unlock(&r->out_lock);
}

/* ---- one file after the other ---- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (strcmp(path, "-") == 0)
        return "stdin";
    return slash != NULL ? slash + 1 : path;
}

/* Frames that were left out because of their link type. */
static uint64_t frames_foreign(const struct engine *e)
{
    struct counters sum;

    engine_counters(e, &sum);
    return sum.n[COUNT_LINK_UNKNOWN];
}

static bool read_one(struct reader *r, struct engine *e, const char *path)
{
    struct imw_error_info err, foreign_err;
    struct capture *c;
    bool status = true;

    r->name = base_name(path);
    r->explained = false;
    r->started_ms = now_ms();
    if (!capture_open(path, &c, &err)) {
        cli_failed(&err);
        return false;
    }
    uint64_t foreign = frames_foreign(e);
    bool ok = engine_read(e, c, r->name, &err);
    clear_progress(r);
    if (frames_foreign(e) > foreign && capture_is_foreign(c, &foreign_err)) {
        (void)cli_failed(&foreign_err);
        status = false;
    }
    if (!ok) {
        cli_failed(&err);
        if (err.code == IMW_ERROR_FORMAT)
            fputs("imward: what came before was analysed\n", stderr);
    }
    capture_close(c);
    return ok && status;
}

/* What so many of a hundred decisions took at most; `first`: what bucket 0 stands for. */
static uint64_t quantile(const uint64_t buckets[DECISION_BUCKETS], unsigned of_hundred, uint64_t first)
{
    uint64_t all = 0, seen = 0;

    for (unsigned b = 0; b < DECISION_BUCKETS; b++)
        all += buckets[b];
    for (unsigned b = 0; b < DECISION_BUCKETS; b++) {
        seen += buckets[b];
        if (all > 0 && seen * 100 >= all * of_hundred)
            return first << b;
    }
    return 0;
}

/* What the content pipeline counted. Returns how many. */
static unsigned content_counts(struct pipeline *p, struct named_count out[PIPELINE_COUNT_COUNT])
{
    struct pipeline_status status;
    unsigned n = 0;

    if (p == NULL)
        return 0;
    pipeline_status(p, &status);
#define X(name, help) out[n++] = (struct named_count){ "content_" #name, help, status.name };
    PIPELINE_COUNTS(X)
#undef X
    return n;
}

static void print_stats(struct reader *r, const struct engine *e, struct pipeline *p)
{
    struct named_count content[PIPELINE_COUNT_COUNT];
    unsigned content_count = content_counts(p, content);
    struct engine_memory memory = engine_memory(e);
    struct counters sum;

    engine_counters(e, &sum);
    sum.n[COUNT_EVENTS] += r->events;
    if (r->options->json) {
        char line[EVE_LINE_BYTES];
        fwrite(line, 1, eve_stats(&sum, content, content_count, engine_now_us(e), line), r->out);
        return;
    }
    fputc('\n', r->out);
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        fprintf(r->out, "%-22s %14llu  %s\n", counter_name((enum counter)i), (unsigned long long)sum.n[i],
                counter_help((enum counter)i));
    for (unsigned i = 0; i < content_count; i++)
        fprintf(r->out, "%-25s %11llu  %s\n", content[i].name, (unsigned long long)content[i].n,
                content[i].help);
    fprintf(r->out, "%-22s %14zu  bytes of flow table at its peak, %u flows\n", "memory_flows",
            memory.flow_bytes, memory.flows_peak);
    fprintf(r->out, "%-22s %14zu  bytes of inspection and evidence at their peak\n", "memory_inspection",
            memory.inspect_bytes);
    struct decisions decisions = engine_decisions(e);
    fprintf(r->out, "%-22s %14llu  packets of a flow until half of all were decided; 99 of 100: %llu\n",
            "decided_packets", (unsigned long long)quantile(decisions.packets, 50, 1),
            (unsigned long long)quantile(decisions.packets, 99, 1));
    fprintf(r->out, "%-22s %14llu  bytes of payload until half of all were decided; 99 of 100: %llu\n",
            "decided_bytes", (unsigned long long)quantile(decisions.bytes, 50, 16),
            (unsigned long long)quantile(decisions.bytes, 99, 16));
}

/* What each rule of the policy was good for. */
static void print_rules(FILE *out, const struct rules *rules)
{
    if (rules->policy == NULL)
        return;
    fprintf(out, "\n%-40s %-6s %10s\n", "RULE", "ACTION", "HITS");
    for (unsigned i = 0; i <= rules_count(rules); i++) {
        unsigned number = i < rules_count(rules) ? i + 1 : 0; /* the default last */
        struct policy_place place = policy_rule_place(rules->policy, number);
        struct rule_hits hits;
        rules_hits(rules, number, &hits);
        fprintf(out, "%-40s %-6s %10llu%s\n", place.name, policy_action_name(place.action),
                (unsigned long long)hits.hits, hits.hits == 0 && number > 0 ? "  never" : "");
    }
}

static int finish(struct reader *r, const struct engine *e, struct pipeline *p, bool ok, bool several)
{
    if (r->options->json) {
        if (r->options->stats)
            print_stats(r, e, p);
    } else {
        table_print(r->table, r->out, several);
        if (table_rows(r->table) == 0 && r->options->explain == NULL)
            fputs(r->options->all_flows ? "no flows\n" : "no use of instant messaging found\n", r->out);
        if (r->options->stats) {
            print_stats(r, e, p);
            print_rules(r->out, engine_rules(e));
        }
    }
    if (r->options->explain != NULL && !r->explained_any) {
        fprintf(stderr, "imward: there is no flow '%s' in what was read\n", r->options->explain);
        ok = false;
    }
    if (r->out_of_memory) {
        fputs("imward: not enough memory for all rows of the table; use --json\n", stderr);
        ok = false;
    }
    if (fflush(r->out) != 0 || ferror(r->out)) {
        if (errno != EPIPE)
            fprintf(stderr, "imward: cannot write the result: %s\n", strerror(errno));
        ok = false;
    }
    return ok ? EXIT_DONE : EXIT_FAILED;
}

/* Much is shared by all processors; little is done before a second thread has started. */
static unsigned workers_for(char **paths, int count)
{
    enum { MUCH_BYTES = 64 << 20, WORKERS_MOST = 4 };
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t bytes = 0;
    struct stat st;

    for (int i = 0; i < count; i++)
        if (stat(paths[i], &st) == 0 && S_ISREG(st.st_mode))
            bytes += (uint64_t)st.st_size;
    if (bytes < MUCH_BYTES || processors < 2)
        return 1;
    return processors < WORKERS_MOST ? (unsigned)processors : WORKERS_MOST;
}

/* What the options and the policy want done with what the flows carry. False: nothing. */
static bool content_wanted(const struct read_options *o, const struct rules *rules,
                           struct content_settings *out)
{
    static const char *const usual_clamd[] = { "unix:/run/clamav/clamd.ctl" };

    settings_default(out);
    if (rules->policy != NULL)
        *out = *policy_content(rules->policy);
    if (o->clamd != NULL)
        out->scan.clamd = (struct string_list){ &o->clamd, 1 };
    else if (o->scan && out->scan.clamd.count == 0)
        out->scan.clamd = (struct string_list){ usual_clamd, 1 };
    out->scan.wanted |= o->scan;
    out->leaks.wanted |= o->leaks;
    return o->extract != NULL || o->graph != NULL || o->threats || out->scan.wanted || out->leaks.wanted ||
           out->vault.path != NULL;
}

static bool make_pipeline(struct reader *r, const struct rules *rules, unsigned workers,
                          const struct content_settings *settings, struct pipeline **out,
                          struct imw_error_info *err)
{
    const struct read_options *o = r->options;
    struct pipeline_config config = { .workers = workers,
                                      .wait = true,
                                      .settings = settings,
                                      .files = true,
                                      .threats = o->scan || o->leaks || o->threats || rules->policy != NULL,
                                      .extract = o->extract,
                                      .documents = r->documents,
                                      .graph = r->graph,
                                      .rules = rules,
                                      .file = on_file,
                                      .alert = on_alert,
                                      .problem = on_problem,
                                      .context = r };

    if (rules->policy != NULL) {
        config.detectors = policy_detectors(rules->policy);
        config.world = (struct threat_world){ .is_inside = is_inside, .context = rules->policy };
    }
    return pipeline_new(&config, out, err);
}

/* False: the file could not be written, which was said. */
static bool write_graph(const struct reader *r, const struct catalog *catalog)
{
    bool to_stdout = strcmp(r->options->graph, "-") == 0;
    FILE *out = to_stdout ? stdout : fopen(r->options->graph, "we");
    bool ok = out != NULL && graph_write(r->graph, catalog, out);

    if (out != NULL && !to_stdout)
        ok &= fclose(out) == 0;
    if (!ok)
        fprintf(stderr, "imward: cannot write %s: %s\n", r->options->graph, strerror(errno));
    return ok;
}

/* Takes the rules. */
static int read_all(const struct read_options *o, char **paths, int count, struct rules *rules, FILE *out)
{
    struct content_settings settings;
    bool content = content_wanted(o, rules, &settings);
    bool colour = !o->no_colour && getenv("NO_COLOR") == NULL && isatty(fileno(out));
    struct reader r = {
        .options = o, .out = out, .table = table_new(colour), .progress = !o->quiet && isatty(STDERR_FILENO)
    };
    struct engine_config config = {
        .rules = rules,
        .workers = o->workers > 0 ? o->workers
                   : content      ? 1 /* a leg may be read only after what announced it */
                                  : workers_for(paths, count),
        .max_flows = o->max_flows,
        .all_flows = o->all_flows,
        .explain = o->explain,
        .flow = on_flow,
        .activity = o->json || o->messages ? on_activity : NULL,
        .trace = o->explain != NULL ? on_trace : NULL,
        .progress = on_progress,
        .who = o->who != NULL ? on_who : NULL,
        .context = &r,
    };
    struct imw_error_info err = { .code = IMW_OK };
    struct engine *e;
    int status = EXIT_FAILED;
    bool ok = true;

    pthread_mutex_init(&r.out_lock, NULL);
    /* The list is held to be true of the time of the capture: its names have no age. */
    if (r.table == NULL || (o->who != NULL && !who_file_load(o->who, UINT64_MAX, &r.who, &err)) ||
        (settings.leaks.wanted && !documents_new(&r.documents, &err)) || /* while there is one thread */
        (o->graph != NULL && !graph_new(0, 0, &r.graph, &err)) ||
        (content && !make_pipeline(&r, rules, config.workers, &settings, &config.pipeline, &err)) ||
        !engine_new(&config, &e, &err)) {
        pipeline_free(config.pipeline);
        rules_free(rules);
        status = r.table == NULL ? EXIT_FAILED : cli_failed(&err);
    } else {
        for (int i = 0; i < count; i++)
            ok &= read_one(&r, e, paths[i]);
        if (config.pipeline != NULL)
            pipeline_stop(config.pipeline);
        ok &= r.graph == NULL || write_graph(&r, rules->catalog); /* the engine holds the rules */
        status = finish(&r, e, config.pipeline, ok && !r.problems, count > 1);
        pipeline_free(config.pipeline);
        engine_free(e);
    }
    graph_free(r.graph);
    documents_free(r.documents);
    who_file_free(r.who);
    pthread_mutex_destroy(&r.out_lock);
    table_free(r.table);
    return status;
}

/* ---- arguments ---- */

enum {
    OPTION_MAX_FLOWS = 256,
    OPTION_NO_COLOUR,
    OPTION_WHO,
    OPTION_OVERRIDES,
    OPTION_MESSAGES,
    OPTION_EXTRACT,
    OPTION_SCAN,
    OPTION_LEAKS,
    OPTION_THREATS,
    OPTION_GRAPH,
    OPTION_STORE,
    OPTION_AGAIN,
    OPTION_SANDBOX,
};

static const struct option long_options[] = {
    { "json", no_argument, NULL, 'j' },
    { "output", required_argument, NULL, 'o' },
    { "catalog", required_argument, NULL, 'c' },
    { "overrides", required_argument, NULL, OPTION_OVERRIDES },
    { "workers", required_argument, NULL, 'w' },
    { "policy", required_argument, NULL, 'p' },
    { "all-flows", no_argument, NULL, 'a' },
    { "explain", required_argument, NULL, 'x' },
    { "stats", no_argument, NULL, 's' },
    { "who", required_argument, NULL, OPTION_WHO },
    { "messages", no_argument, NULL, OPTION_MESSAGES },
    { "extract", required_argument, NULL, OPTION_EXTRACT },
    { "scan", optional_argument, NULL, OPTION_SCAN },
    { "leaks", no_argument, NULL, OPTION_LEAKS },
    { "threats", no_argument, NULL, OPTION_THREATS },
    { "graph", required_argument, NULL, OPTION_GRAPH },
    { "store", required_argument, NULL, OPTION_STORE },
    { "again", no_argument, NULL, OPTION_AGAIN },
    { "sandbox", no_argument, NULL, OPTION_SANDBOX },
    { "max-flows", required_argument, NULL, OPTION_MAX_FLOWS },
    { "no-colour", no_argument, NULL, OPTION_NO_COLOUR },
    { "no-color", no_argument, NULL, OPTION_NO_COLOUR },
    { "quiet", no_argument, NULL, 'q' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

/* False: *out_status is the exit status (help was given, or wrong use). */
static bool parse(int argc, char **argv, struct read_options *o, int *out_status)
{
    int option;

    *o = (struct read_options){ 0 };
    *out_status = EXIT_USAGE;
    while ((option = getopt_long(argc, argv, "jo:c:p:w:ax:sqh", long_options, NULL)) != -1) {
        switch (option) {
        case 'j': o->json = true; break;
        case 'o': o->output = optarg; break;
        case 'c': o->catalog = optarg; break;
        case 'p': o->policy = optarg; break;
        case 'a': o->all_flows = true; break;
        case 'x': o->explain = optarg; break;
        case 's': o->stats = true; break;
        case 'q': o->quiet = true; break;
        case OPTION_WHO: o->who = optarg; break;
        case OPTION_OVERRIDES: o->overrides = optarg; break;
        case OPTION_MESSAGES: o->messages = true; break;
        case OPTION_EXTRACT: o->extract = optarg; break;
        case OPTION_SCAN:
            o->scan = true;
            o->clamd = optarg;
            break;
        case OPTION_LEAKS: o->leaks = true; break;
        case OPTION_THREATS: o->threats = true; break;
        case OPTION_GRAPH: o->graph = optarg; break;
        case OPTION_STORE:
            o->store = optarg;
            o->json = true;
            break;
        case OPTION_AGAIN: o->again = true; break;
        case OPTION_SANDBOX: o->sandbox = true; break;
        case OPTION_NO_COLOUR: o->no_colour = true; break;
        case 'w':
            if (!cli_number("read", "--workers", optarg, 1, ENGINE_WORKERS_MAX, &o->workers))
                return false;
            break;
        case OPTION_MAX_FLOWS:
            if (!cli_number("read", "--max-flows", optarg, 1000, 100000000, &o->max_flows))
                return false;
            break;
        case 'h':
            fputs(usage, stdout);
            *out_status = EXIT_DONE;
            return false;
        default: fputs("imward read --help tells how it is used.\n", stderr); return false;
        }
    }
    if (o->graph != NULL && strcmp(o->graph, "-") == 0 && o->output == NULL) {
        cli_usage("read", "--graph - needs --output: standard output cannot hold both");
        return false;
    }
    if (o->store != NULL && (o->output != NULL || o->graph != NULL || o->explain != NULL || o->sandbox)) {
        cli_usage("read", "--store goes without --output, --graph, --explain and --sandbox");
        return false;
    }
    if (o->sandbox && (o->scan || o->leaks || o->extract != NULL || o->graph != NULL || o->policy != NULL)) {
        cli_usage("read",
                  "--sandbox goes without --scan, --leaks, --extract, --graph and --policy, which need more");
        return false;
    }
    if (optind == argc) {
        cli_usage("read", "no capture given; - is standard input");
        return false;
    }
    return true;
}

/* The files that are read, a place for files that are carried where detectors look at them, and nothing else.
 */
static bool confine(const struct read_options *o, char **paths, int count, struct imw_error_info *err)
{
    static const char *const system[] = {
        "/usr", "/lib", "/lib64", "/etc", "/proc/self", "/dev/null", "/sys/devices/system/cpu"
    };
    enum { SYSTEM = sizeof system / sizeof system[0] };
    struct sandbox_path *list = calloc((size_t)count + SYSTEM + 1, sizeof *list);
    struct sandbox_user user;
    unsigned most = (unsigned)count + SYSTEM;
    int landlock;

    if (list == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the sandbox");
    for (int i = 0; i < count; i++)
        list[i].path = paths[i];
    for (int i = 0; i < SYSTEM; i++)
        list[count + i].path = system[i];
    if (o->threats || o->messages)
        list[most++] = (struct sandbox_path){ spool_directory(NULL), true };
    bool ok = sandbox_user_find(NULL, &user, err);
    if (ok && user.uid != geteuid()) /* the captures may be ours alone to read */
        user = (struct sandbox_user){ .uid = geteuid(), .gid = getegid() };
    ok = ok && sandbox_become(&user, 0, err) && sandbox_paths(list, most, &landlock, err) &&
         sandbox_calls(ROLE_SENSOR, err);
    free(list);
    return ok;
}

/* The result goes to a file or to standard output. Takes the rules. */
static int read_into(const struct read_options *o, char **paths, int count, struct rules *rules)
{
    FILE *out = o->output != NULL ? fopen(o->output, "we") : stdout;

    if (out == NULL) {
        rules_free(rules);
        fprintf(stderr, "imward: cannot write %s: %s\n", o->output, strerror(errno));
        return EXIT_FAILED;
    }
    struct imw_error_info err = { 0 };
    if (o->sandbox && !confine(o, paths, count, &err)) {
        rules_free(rules);
        return cli_failed(&err);
    }
    int status = read_all(o, paths, count, rules, out);
    if (out != stdout && fclose(out) != 0 && status == EXIT_DONE) {
        fprintf(stderr, "imward: cannot write %s: %s\n", o->output, strerror(errno));
        status = EXIT_FAILED;
    }
    return status;
}

/* One capture after the other: analysed into a temporary file, then stored. */
static int read_to_store(const struct read_options *o, const struct rules_files *files, char **paths,
                         int count)
{
    struct imw_error_info err = { 0 };
    struct read_store *store;
    int status = EXIT_DONE;

    if (!read_store_open(o->store, &store, &err))
        return cli_failed(&err);
    for (int i = 0; i < count; i++) {
        FILE *events = tmpfile();
        struct rules *rules = NULL;
        uint64_t stored = 0;
        bool known = false;
        bool ok = events != NULL ? read_store_begin(store, paths[i], o->again, &known, &err)
                                 : error_errno(&err, "/tmp");
        if (ok && known) {
            fprintf(stderr, "imward: %s is stored already; --again stores it once more\n", paths[i]);
        } else if (ok) {
            int one = rules_load_files(files, NULL, &rules, &err) ? read_all(o, paths + i, 1, rules, events)
                                                                  : cli_failed(&err);
            ok = read_store_end(store, events, one == EXIT_DONE ? NULL : "it was not read to its end",
                                &stored, &err);
            status = one != EXIT_DONE ? one : status;
        }
        if (!ok)
            status = cli_failed(&err);
        else if (!known)
            fprintf(stderr, "imward: %s: %llu events stored\n", paths[i], (unsigned long long)stored);
        if (events != NULL)
            fclose(events);
    }
    read_store_free(store);
    return status;
}

int command_read(int argc, char **argv)
{
    struct read_options o;
    struct imw_error_info err;
    struct rules *rules;
    int status;

    if (!parse(argc, argv, &o, &status))
        return status;
    if (o.extract != NULL && access(o.extract, W_OK | X_OK) != 0) { /* said once, not for each file */
        fprintf(stderr, "imward: cannot save files in %s: %s\n", o.extract, strerror(errno));
        return EXIT_FAILED;
    }
    const struct rules_files files = { o.catalog, o.overrides, o.policy };
    if (o.store != NULL)
        return read_to_store(&o, &files, argv + optind, argc - optind);
    if (!rules_load_files(&files, NULL, &rules, &err))
        return cli_failed(&err);
    return read_into(&o, argv + optind, argc - optind, rules);
}
