/* SPDX-License-Identifier: Apache-2.0 */
/* imward control: orders to a running sensor, through its control socket. */
#include "sensor/control.h"
#include "base/json_value.h"
#include "cli/cli.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
    "usage: imward control [--socket PATH] COMMAND [argument ...]\n"
    "\n"
    "Orders to the running sensor.\n"
    "\n"
    "  reload           read catalog and policy anew; tells when they are in force, or what is wrong with them:\n"
    "                   then the old ones stay\n"
    "  reopen           begin new event files, after they were moved away\n"
    "  learn ADDRESS    who is at an address: --user, --host or both\n"
    "  status           the sensor's status as text, as imward status --once\n"
    "  stop             write out all events and end\n"
    "\n"
    "  -S, --socket PATH      the sensor's control socket (default: " CONTROL_PATH ")\n"
    "  -u, --user NAME        learn: the user\n"
    "  -n, --host NAME        learn: the machine's name\n"
    "  -f, --for TIME         learn: how long that holds, such as 90s, 30m, 8h or 7d (default: a day)\n"
    "  -h, --help             this text\n"
    "\n"
    "exit status: 0 done; 1 the sensor could not, or none answers; 2 wrong use\n";

static const struct option long_options[] = {
    { "socket", required_argument, NULL, 'S' }, { "user", required_argument, NULL, 'u' },
    { "host", required_argument, NULL, 'n' },   { "for", required_argument, NULL, 'f' },
    { "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
};

struct options {
    const char *path, *command, *address, *user, *host, *for_text;
    uint64_t for_s;
    bool help;
};

/* "90s", "30m", "8h", "7d"; a bare number is seconds. */
static bool read_time(const char *word, uint64_t *out_s)
{
    static const struct {
        char unit;
        uint64_t s;
    } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
    struct view v = view_string(word);
    uint64_t number, unit_s = 1;

    for (unsigned i = 0; v.len > 0 && i < 4; i++)
        if (v.at[v.len - 1] == (uint8_t)units[i].unit) {
            unit_s = units[i].s;
            v = view_slice(v, 0, v.len - 1);
            break;
        }
    if (!view_decimal(v, 366 * 86400 / unit_s, &number) || number == 0) {
        cli_usage("control", "--for takes a time such as 90s, 30m, 8h or 7d (at most 366d), not '%s'", word);
        return false;
    }
    *out_s = number * unit_s;
    return true;
}

static bool read_options(int argc, char **argv, struct options *o)
{
    int option;

    *o = (struct options){ .path = CONTROL_PATH };
    while ((option = getopt_long(argc, argv, "S:u:n:f:h", long_options, NULL)) != -1) {
        switch (option) {
        case 'S': o->path = optarg; break;
        case 'u': o->user = optarg; break;
        case 'n': o->host = optarg; break;
        case 'f': o->for_text = optarg; break;
        case 'h': o->help = true; break;
        default: fputs("imward control --help tells how it is used.\n", stderr); return false;
        }
    }
    if (o->help)
        return true;
    o->command = optind < argc ? argv[optind++] : "";
    bool learn = strcmp(o->command, "learn") == 0;
    if (learn)
        o->address = optind < argc ? argv[optind++] : "";
    if (optind < argc) {
        cli_usage("control", "%s takes no '%s'", o->command, argv[optind]);
        return false;
    }
    if (!learn && (o->user != NULL || o->host != NULL || o->for_text != NULL)) {
        cli_usage("control", "--user, --host and --for are for learn");
        return false;
    }
    return o->for_text == NULL || read_time(o->for_text, &o->for_s);
}

/* ---- what each command asks, and prints ---- */

static bool learn_is_whole(const struct options *o)
{
    struct ip_addr ip;

    if (!ip_parse(view_string(o->address), &ip))
        cli_usage("control", "learn takes an address, not '%s'", o->address);
    else if (o->user == NULL && o->host == NULL)
        cli_usage("control", "learn takes --user NAME, --host NAME or both");
    else
        return true;
    return false;
}

static void print_reload(const struct options *o, const json_t *answer)
{
    const char *policy = json_string_value(json_object_get(answer, "policy"));
    const char *catalog = json_string_value(json_object_get(answer, "catalog"));

    (void)o;
    printf("in force: catalog %s, %s%s\n", catalog != NULL ? catalog : "?",
           policy != NULL && policy[0] != '\0' ? "policy " : "no policy", policy != NULL ? policy : "");
}

static void print_reopen(const struct options *o, const json_t *answer)
{
    (void)o;
    (void)answer;
    puts("events go to new files");
}

static void print_stop(const struct options *o, const json_t *answer)
{
    (void)o;
    (void)answer;
    puts("the sensor stops; it writes out all events first");
}

static void print_learn(const struct options *o, const json_t *answer)
{
    (void)answer;
    printf("learnt: %s is%s%s%s%s, for %s\n", o->address, o->user != NULL ? " user " : "",
           o->user != NULL ? o->user : "", o->host != NULL ? " host " : "", o->host != NULL ? o->host : "",
           o->for_text != NULL ? o->for_text : "a day");
}

static const struct order {
    const char *name;
    void (*print)(const struct options *o, const json_t *answer);
} orders[] = {
    { "reload", print_reload },
    { "reopen", print_reopen },
    { "stop", print_stop },
    { "learn", print_learn },
};

/* The request line; the caller frees it. NULL: a name is not UTF-8. */
static char *make_request(const struct options *o)
{
    json_t *object = json_pack("{s:s, s:s*, s:s*, s:s*}", "command", o->command, "address", o->address,
                               "user", o->user, "host", o->host);

    if (object != NULL && o->for_text != NULL)
        json_object_set_new(object, "for_s", json_integer((json_int_t)o->for_s));
    char *request = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return request;
}

static int give(const struct options *o, const struct order *order)
{
    struct imw_error_info err = { .code = IMW_OK };
    char *answer = NULL, *request = make_request(o);

    if (request == NULL)
        return cli_usage("control", "names must be UTF-8 text");
    bool asked = control_ask(o->path, request, &answer, &err);
    free(request);
    json_t *object = asked ? control_answer(answer, &err) : NULL;
    free(answer);
    if (object == NULL)
        return cli_failed(&err);
    order->print(o, object);
    json_decref(object);
    if (fflush(stdout) != 0) {
        perror("imward: standard output");
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

int command_control(int argc, char **argv)
{
    struct options o;

    if (!read_options(argc, argv, &o))
        return EXIT_USAGE;
    if (o.help) {
        fputs(usage, stdout);
        return EXIT_DONE;
    }
    if (strcmp(o.command, "status") == 0) {
        char path[4096], *words[] = { "status", "--once", "--socket", path, NULL };
        if ((size_t)snprintf(path, sizeof path, "%s", o.path) >= sizeof path)
            return cli_usage("control", "the path of the socket is too long");
        optind = 0; /* getopt begins anew */
        return command_status(4, words);
    }
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++)
        if (strcmp(orders[i].name, o.command) == 0) {
            if (o.address != NULL && !learn_is_whole(&o))
                return EXIT_USAGE;
            return give(&o, &orders[i]);
        }
    if (o.command[0] == '\0')
        return cli_usage("control", "say what to do: reload, reopen, learn, status or stop");
    return cli_usage("control", "does not know '%s'; there are reload, reopen, learn, status and stop",
                     o.command);
}
