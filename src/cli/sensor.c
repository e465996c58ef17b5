/* SPDX-License-Identifier: Apache-2.0 */
/* imward sensor: the sensors of a console, on its own machine: add one with its bundle, list them, revoke. */
#include "program/sensor.h"
#include "base/text.h"
#include "base/thread.h"
#include "cli/cli.h"
#include "event/collector_wire.h"
#include "program/authority.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: imward sensor add NAME --data DIR [-o FILE] [--gateway] [--renew] [--days N]\n"
    "       imward sensor list --data DIR [--json]\n"
    "       imward sensor revoke NAME --data DIR\n"
    "\n"
    "The sensors that may send their events to this console. Each has a certificate of its own, signed by the\n"
    "console's authority (DIR/keys/ca); the bundle that 'add' makes holds it, its private key and the authority's\n"
    "certificate, and is kept nowhere else: bring it to the sensor, and nobody else. Works beside a running server.\n"
    "\n"
    "  -d, --data DIR        the data folder of imward serve\n"
    "      --database URL    its database (default: the one in DIR)\n"
    "  -o, --output FILE     write the bundle there (0600) instead of NAME.pem here; - is standard output\n"
    "      --gateway         it is an imward gateway, not a watching sensor\n"
    "      --renew           another certificate for a sensor that there is; the one before is refused from then on\n"
    "      --days N          how long the certificate lives (default 397)\n"
    "  -j, --json            the list as JSON\n"
    "  -h, --help            this text\n"
    "\n"
    "exit status: 0 done; 1 failed; 2 wrong use\n";

struct options {
    const char *data, *database, *output;
    bool gateway, renew, json;
    uint32_t days;
};

enum { OPTION_DATABASE = 256, OPTION_GATEWAY, OPTION_RENEW, OPTION_DAYS, PATH_SIZE = 600 };

static const struct option long_options[] = {
    { "data", required_argument, NULL, 'd' },
    { "database", required_argument, NULL, OPTION_DATABASE },
    { "output", required_argument, NULL, 'o' },
    { "gateway", no_argument, NULL, OPTION_GATEWAY },
    { "renew", no_argument, NULL, OPTION_RENEW },
    { "days", required_argument, NULL, OPTION_DAYS },
    { "json", no_argument, NULL, 'j' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static const struct actor the_command = { .name = "system" };

/* Root becomes whom the data folder belongs to: what we make in it must be theirs. */
static bool become_owner(const char *data, struct imw_error_info *err)
{
    struct stat st;

    if (stat(data, &st) != 0)
        return error_errno(err, data);
    if (geteuid() != 0 || st.st_uid == 0)
        return true;
    return (setgroups(0, NULL) == 0 && setresgid(st.st_gid, st.st_gid, st.st_gid) == 0 &&
            setresuid(st.st_uid, st.st_uid, st.st_uid) == 0) ||
           error_errno(err, data);
}

/* ---- add ---- */

/* The bundle's file, opened as who called: 0600, and never over another. */
static bool output_open(const char *path, bool renew, FILE **out, struct imw_error_info *err)
{
    if (strcmp(path, "-") == 0) {
        *out = stdout;
        return true;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (renew ? O_TRUNC : O_EXCL), 0600);
    *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    return *out != NULL || error_errno(err, path);
}

static bool enrol(const struct options *o, const char *name, struct authority_issued *issued,
                  struct imw_error_info *err)
{
    struct authority *a = NULL;
    struct db *db = NULL;
    char keys[PATH_SIZE];
    int64_t id;
    uint64_t now_us = clock_us();

    snprintf(keys, sizeof keys, "%s/keys", o->data);
    bool ok = authority_load(keys, &a, err) && authority_issue(a, name, o->days, now_us, issued, err) &&
              db_open_data(o->database, o->data, &db, err) && db_begin(db, true, err) &&
              sensors_enrol(db, &the_command, NULL, name, o->gateway ? "gateway" : "sensor", o->renew,
                            view_of(issued->fingerprint, sizeof issued->fingerprint), now_us, &id, err) &&
              db_commit(db, err);
    db_close(db);
    authority_free(a);
    return ok;
}

static int add(const struct options *o, const char *name)
{
    struct authority_issued issued = { 0 };
    struct imw_error_info err = { 0 };
    char usual[AUTHORITY_SENSOR_NAME_BYTES + 8];
    FILE *out = NULL;

    if (!authority_name_is_good(name))
        return cli_usage("sensor",
                         "'%s' is no name: letters, digits, '.', '-' and '_', a letter or digit first", name);
    snprintf(usual, sizeof usual, "%s.pem", name);
    const char *path = o->output != NULL ? o->output : usual;
    bool opened = output_open(path, o->renew, &out, &err);
    bool ok = opened && become_owner(o->data, &err) && enrol(o, name, &issued, &err);
    if (ok && fputs(issued.bundle, out) < 0)
        ok = error_errno(&err, path);
    if (out != NULL && out != stdout && fclose(out) != 0 && ok)
        ok = error_errno(&err, path);
    free(issued.bundle);
    if (!ok) {
        if (opened && out != stdout && !o->renew)
            (void)unlink(path);
        return cli_failed(&err);
    }
    fprintf(
        stderr,
        "%s is enrolled. Bring %s to it (as /etc/imward/collector.pem, mode 0600), and there:\n"
        "    imward %s -o collector:CONSOLE:PORT,bundle=/etc/imward/collector.pem\n"
        "CONSOLE:PORT is where sensors reach 'imward serve --collector'; without :PORT it is " COLLECTOR_PORT
        ".\n",
        name, path, o->gateway ? "gateway" : "watch -i INTERFACE");
    return EXIT_DONE;
}

/* ---- list and revoke ---- */

static const char *word(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "-";
}

static int list(const struct options *o)
{
    struct imw_error_info err = { 0 };
    struct db *db = NULL;
    json_t *all = NULL, *sensor;
    size_t i;

    bool ok = become_owner(o->data, &err) && db_open_data(o->database, o->data, &db, &err) &&
              sensors_list(db, 0, clock_us(), &all, &err);
    db_close(db);
    if (!ok)
        return cli_failed(&err);
    if (o->json) {
        (void)json_dumpf(all, stdout, JSON_INDENT(1));
        putchar('\n');
    } else {
        printf("%-24s %-8s %-10s %12s  %-19.19s %s\n", "NAME", "KIND", "HEALTH", "EVENTS", "SEEN",
               "CERTIFICATE ENDS");
        json_array_foreach(all, i, sensor) printf(
            "%-24s %-8s %-10s %12" PRId64 "  %-19.19s %.10s\n", word(sensor, "name"), word(sensor, "kind"),
            word(sensor, "health"), (int64_t)json_integer_value(json_object_get(sensor, "events")),
            word(sensor, "seen"), word(json_object_get(sensor, "status"), "certificate_end"));
    }
    json_decref(all);
    return EXIT_DONE;
}

static int revoke_one(const struct options *o, const char *name)
{
    struct imw_error_info err = { 0 };
    struct db *db = NULL;
    int64_t id = 0;

    bool ok = become_owner(o->data, &err) && db_open_data(o->database, o->data, &db, &err) &&
              db_begin(db, true, &err) && sensors_find(db, name, &id, &err);
    if (ok && id == 0)
        ok = error_set(&err, IMW_ERROR_VALUE, "there is no sensor '%s'; 'imward sensor list' lists them",
                       name);
    ok = ok && sensors_revoke(db, &the_command, NULL, id, clock_us(), &err) && db_commit(db, &err);
    db_close(db);
    if (!ok)
        return cli_failed(&err);
    fprintf(stderr, "%s is revoked; where it is connected it is cut within seconds\n", name);
    return EXIT_DONE;
}

/* ---- arguments ---- */

int command_sensor(int argc, char **argv)
{
    struct options o = { .days = AUTHORITY_DAYS };
    int option;

    while ((option = getopt_long(argc, argv, "d:o:jh", long_options, NULL)) != -1) {
        switch (option) {
        case 'd': o.data = optarg; break;
        case 'o': o.output = optarg; break;
        case 'j': o.json = true; break;
        case OPTION_DATABASE: o.database = optarg; break;
        case OPTION_GATEWAY: o.gateway = true; break;
        case OPTION_RENEW: o.renew = true; break;
        case OPTION_DAYS:
            if (!cli_number("sensor", "--days", optarg, 1, 3650, &o.days))
                return EXIT_USAGE;
            break;
        case 'h': fputs(usage, stdout); return EXIT_DONE;
        default: fputs("imward sensor --help tells how it is used.\n", stderr); return EXIT_USAGE;
        }
    }
    const char *what = optind < argc ? argv[optind] : "", *name = optind + 1 < argc ? argv[optind + 1] : NULL;
    bool named = strcmp(what, "add") == 0 || strcmp(what, "revoke") == 0;
    if (!named && strcmp(what, "list") != 0)
        return cli_usage("sensor", "add, list or revoke is wanted");
    if (o.data == NULL)
        return cli_usage("sensor", "--data DIR must be given, the folder of imward serve");
    if (argc - optind != (named ? 2 : 1))
        return cli_usage("sensor", named ? "%s wants the name of one sensor" : "%s takes no name", what);
    if (strcmp(what, "add") == 0)
        return add(&o, name);
    return named ? revoke_one(&o, name) : list(&o);
}
