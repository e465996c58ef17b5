/* SPDX-License-Identifier: Apache-2.0 */
/* imward serve: the console, its API and the collector of events. */
#include "console/serve.h"
#include "base/listen.h"
#include "cli/cli.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: imward serve --listen ADDRESS:PORT --data DIR [option ...]\n"
    "\n"
    "The console: what the sensors see, in a browser, for the people who answer for it. Over TLS 1.3, with a\n"
    "certificate of its own unless one is given. The first start prints a token for the first administrator.\n"
    "\n"
    "  -l, --listen ADDR:PORT   where browsers connect, such as 0.0.0.0:8443\n"
    "  -d, --data DIR           everything that is kept, made where it is not there\n"
    "      --database URL       sqlite:PATH (DIR/db/imward.db), or postgresql://...\n"
    "      --collector ADDR:PORT\n"
    "                           where sensors connect, over mutual TLS; without it none do\n"
    "      --watch-folder DIR   read event files that appear there; may be repeated\n"
    "      --cert FILE          certificate chain in PEM, in place of our own\n"
    "      --key FILE           its private key in PEM\n"
    "      --name NAME          host name in our own certificate (this host's)\n"
    "      --proxy ADDRESS      believe X-Forwarded-For of the proxy at this address\n"
    "      --vault DIR          what the policy keeps, for texts that are shown by four eyes\n"
    "      --vault-key FILE     its private key\n"
    "      --policy-file FILE   keep the published policy in FILE, for a sensor on this host\n"
    "  -c, --catalog PATH       the catalog of services, in place of the one inside the program\n"
    "      --web DIR            the front end's files\n"
    "      --workers N          requests that are answered at a time, 1 to 64 (8)\n"
    "      --user NAME          as root: become this user (imward)\n"
    "      --no-sandbox         without Landlock and seccomp: for finding faults only\n"
    "  -h, --help               this text\n"
    "\n"
    "SIGHUP reads certificate and front end anew; SIGTERM ends it. docs/serve.md tells how it is deployed.\n"
    "exit status: 0 ended as it was told; 1 failed; 2 wrong use\n";

enum {
    OPTION_DATABASE = 256,
    OPTION_COLLECTOR,
    OPTION_FOLDER,
    OPTION_CERT,
    OPTION_KEY,
    OPTION_NAME,
    OPTION_PROXY,
    OPTION_VAULT,
    OPTION_VAULT_KEY,
    OPTION_POLICY_FILE,
    OPTION_WEB,
    OPTION_WORKERS,
    OPTION_USER,
    OPTION_NO_SANDBOX,
};

static const struct option long_options[] = {
    { "listen", required_argument, NULL, 'l' },
    { "data", required_argument, NULL, 'd' },
    { "database", required_argument, NULL, OPTION_DATABASE },
    { "collector", required_argument, NULL, OPTION_COLLECTOR },
    { "watch-folder", required_argument, NULL, OPTION_FOLDER },
    { "cert", required_argument, NULL, OPTION_CERT },
    { "key", required_argument, NULL, OPTION_KEY },
    { "name", required_argument, NULL, OPTION_NAME },
    { "proxy", required_argument, NULL, OPTION_PROXY },
    { "vault", required_argument, NULL, OPTION_VAULT },
    { "vault-key", required_argument, NULL, OPTION_VAULT_KEY },
    { "policy-file", required_argument, NULL, OPTION_POLICY_FILE },
    { "catalog", required_argument, NULL, 'c' },
    { "web", required_argument, NULL, OPTION_WEB },
    { "workers", required_argument, NULL, OPTION_WORKERS },
    { "user", required_argument, NULL, OPTION_USER },
    { "no-sandbox", no_argument, NULL, OPTION_NO_SANDBOX },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

enum { FOLDERS = 16, WORKERS_USUAL = 8, PATH_SIZE = 480 };

struct options {
    struct console_config config;
    const char *folders[FOLDERS];
    char data[PATH_SIZE], database[PATH_SIZE + 32], web[PATH_SIZE];
    bool help;
};

static bool take_option(struct options *o, int option)
{
    struct console_config *c = &o->config;
    uint32_t number;

    switch (option) {
    case 'l': c->listen = optarg; break;
    case 'd': c->data = optarg; break;
    case 'c': c->catalog = optarg; break;
    case 'h': o->help = true; break;
    case OPTION_DATABASE: c->database = optarg; break;
    case OPTION_COLLECTOR: c->collector = optarg; break;
    case OPTION_FOLDER:
        if (c->folder_count == FOLDERS) {
            cli_usage("serve", "at most %d folders can be watched", FOLDERS);
            return false;
        }
        o->folders[c->folder_count++] = optarg;
        break;
    case OPTION_CERT: c->cert = optarg; break;
    case OPTION_KEY: c->key = optarg; break;
    case OPTION_NAME: c->name = optarg; break;
    case OPTION_PROXY: c->proxy = optarg; break;
    case OPTION_VAULT: c->vault = optarg; break;
    case OPTION_VAULT_KEY: c->vault_key = optarg; break;
    case OPTION_POLICY_FILE: c->policy_file = optarg; break;
    case OPTION_WEB: c->web = optarg; break;
    case OPTION_USER: c->user = optarg; break;
    case OPTION_NO_SANDBOX: c->sandbox = false; break;
    case OPTION_WORKERS:
        if (!cli_number("serve", "--workers", optarg, 1, 64, &number))
            return false;
        c->workers = number;
        break;
    default: fputs("imward serve --help tells how it is used.\n", stderr); return false;
    }
    return true;
}

/* The data folder from the root: the roles must not depend on where they were started. */
static bool absolute(struct options *o)
{
    char here[PATH_SIZE];
    const char *given = o->config.data;
    int len;

    if (given[0] == '/')
        len = snprintf(o->data, sizeof o->data, "%s", given);
    else
        len =
            getcwd(here, sizeof here) != NULL ? snprintf(o->data, sizeof o->data, "%s/%s", here, given) : -1;
    if (len < 0 || len > PATH_SIZE - 80)
        return false;
    while (len > 1 && o->data[len - 1] == '/')
        o->data[--len] = '\0';
    o->config.data = o->data;
    return true;
}

/* Beside the program, as scripts/build makes it, or where `make install` puts it. */
static void find_web(struct options *o)
{
    static const char *const places[] = { "console", "../share/imward/console" };
    char program[PATH_SIZE];
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash;

    program[len > 0 ? len : 0] = '\0';
    slash = strrchr(program, '/');
    if (o->config.web != NULL || slash == NULL)
        return;
    *slash = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (snprintf(o->web, sizeof o->web, "%s/%s", program, places[i]) < (int)sizeof o->web &&
            access(o->web, R_OK | X_OK) == 0) {
            o->config.web = o->web;
            return;
        }
    }
}

int command_serve(int argc, char **argv)
{
    struct options o = { .config = { .sandbox = true, .workers = WORKERS_USUAL } };
    struct imw_error_info err = { 0 };
    int option;

    while ((option = getopt_long(argc, argv, "l:d:c:h", long_options, NULL)) != -1)
        if (!take_option(&o, option))
            return EXIT_USAGE;
    if (o.help) {
        fputs(usage, stdout);
        return EXIT_DONE;
    }
    if (optind < argc)
        return cli_usage("serve", "'%s' is no option", argv[optind]);
    if (o.config.listen == NULL || o.config.data == NULL)
        return cli_usage("serve", "--listen ADDRESS:PORT and --data DIR must be given");
    struct listen_at at;
    if (!listen_read(o.config.listen, NULL, CONSOLE_LISTEN_EXAMPLES, &at, &err) ||
        (o.config.collector != NULL &&
         !listen_read(o.config.collector, NULL, CONSOLE_LISTEN_EXAMPLES, &at, &err)))
        return cli_usage("serve", "%s", err.text);
    if ((o.config.cert == NULL) != (o.config.key == NULL))
        return cli_usage("serve", "--cert and --key go together");
    if ((o.config.vault == NULL) != (o.config.vault_key == NULL))
        return cli_usage("serve", "--vault and --vault-key go together");
    if (o.config.policy_file != NULL && o.config.policy_file[0] != '/')
        return cli_usage("serve", "--policy-file takes a path that begins with /");
    if (!absolute(&o))
        return cli_usage("serve", "--data takes a folder with a shorter path");
    if (o.config.database == NULL) {
        snprintf(o.database, sizeof o.database, "sqlite:%s/db/imward.db", o.data);
        o.config.database = o.database;
    }
    o.config.folders = o.folders;
    find_web(&o);
    return serve_run(&o.config) == EXIT_SUCCESS ? EXIT_DONE : EXIT_FAILED;
}
