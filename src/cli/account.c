/* SPDX-License-Identifier: Apache-2.0 */
/* imward account: accounts of the console, from its own machine, for when nobody can sign in. */
#include "cli/cli.h"
#include "program/audit.h"
#include "program/session.h"
#include "program/when.h"
#include <getopt.h>
#include <pwd.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: imward account list --data DIR\n"
    "       imward account add NAME --roles ROLES --data DIR [--full-name TEXT] [--expires DAY]\n"
    "       imward account reset NAME --data DIR\n"
    "       imward account disable NAME --data DIR\n"
    "\n"
    "Accounts of the console, from its own machine, for when nobody can sign in. Every act is in the audit\n"
    "trail as that of \"USER at the console\". Passwords are read from the terminal, or standard input's first\n"
    "line.\n"
    "\n"
    "  list       all accounts\n"
    "  add        a local account; its password must be changed at the first sign-in\n"
    "  reset      a new password, no second factor, no lock; active again; all its sessions end\n"
    "  disable    nobody signs in by it any more; its sessions end\n"
    "\n"
    "  -d, --data DIR       the console's folder\n"
    "      --database URL   sqlite:PATH (DIR/db/imward.db), or postgresql://...\n"
    "      --roles ROLES    with commas between: engineer, compliance, manager, employee, examiner,\n"
    "                       administrator\n"
    "      --full-name TEXT the person's name (NAME)\n"
    "      --expires DAY    its last day, such as 2026-12-31; examiners need one\n"
    "  -h, --help           this text\n"
    "\n"
    "exit status: 0 done; 1 failed; 2 wrong use\n";

enum { OPTION_DATABASE = 256, OPTION_ROLES, OPTION_FULL_NAME, OPTION_EXPIRES };

static const struct option long_options[] = {
    { "data", required_argument, NULL, 'd' },
    { "database", required_argument, NULL, OPTION_DATABASE },
    { "roles", required_argument, NULL, OPTION_ROLES },
    { "full-name", required_argument, NULL, OPTION_FULL_NAME },
    { "expires", required_argument, NULL, OPTION_EXPIRES },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

struct options {
    const char *data, *database, *roles, *full_name, *expires, *name;
    bool help;
};

struct act {
    struct db *db;
    const struct options *options;
    struct actor actor;
    uint64_t now_us;
};

/* ---- the password ---- */

/* One line without its end; from a terminal it is not shown. */
static bool read_line(const char *prompt, char *out, size_t size)
{
    struct termios was, quiet;
    const bool terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &was) == 0;

    if (terminal) {
        quiet = was;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
        fputs(prompt, stderr);
    }
    const bool read = fgets(out, (int)size, stdin) != NULL;
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
        fputc('\n', stderr);
    }
    if (read)
        out[strcspn(out, "\r\n")] = '\0';
    return read;
}

static bool read_password(const char *name, char hash[ACCOUNT_HASH_SIZE], struct imw_error_info *err)
{
    char password[ACCOUNT_PASSWORD_MOST + 3], again[ACCOUNT_PASSWORD_MOST + 3];
    bool ok = read_line("New password: ", password, sizeof password);

    if (!ok)
        error_set(err, IMW_ERROR_VALUE, "no password came: give it on standard input");
    ok = ok && password_check(password, name, err);
    if (ok && isatty(STDIN_FILENO) &&
        (!read_line("The same again: ", again, sizeof again) || strcmp(password, again) != 0))
        ok = error_set(err, IMW_ERROR_VALUE, "that was not the same: nothing is changed");
    ok = ok && password_hash(password, hash, err);
    sodium_memzero(password, sizeof password);
    sodium_memzero(again, sizeof again);
    return ok;
}

/* ---- what it does, each in one transaction ---- */

static bool tell(struct act *a, const char *act, const char *name, const json_t *detail,
                 struct imw_error_info *err)
{
    char object[96];

    snprintf(object, sizeof object, "account %s", name);
    return audit_add(a->db, &a->actor, NULL, act, object, detail, a->now_us, err);
}

static bool list(struct act *a, struct imw_error_info *err)
{
    json_t *all, *one, *role;
    size_t i, r;

    if (!account_list(a->db, a->now_us, &all, err))
        return false;
    printf("%-24s %-9s %-7s %-7s %-11s %s\n", "NAME", "STATE", "SOURCE", "FACTOR", "EXPIRES", "ROLES");
    json_array_foreach(json_object_get(all, "accounts"), i, one)
    {
        const char *expires = json_string_value(json_object_get(one, "expires"));
        printf("%-24s %-9s %-7s %-7s %-11.10s", json_string_value(json_object_get(one, "name")),
               json_is_true(json_object_get(one, "locked"))
                   ? "locked"
                   : json_string_value(json_object_get(one, "state")),
               json_string_value(json_object_get(one, "source")),
               json_is_true(json_object_get(one, "second_factor")) ? "yes" : "no",
               expires != NULL ? expires : "-");
        json_array_foreach(json_object_get(one, "roles"), r, role) printf(" %s", json_string_value(role));
        putchar('\n');
    }
    json_decref(all);
    return true;
}

static bool add(struct act *a, struct imw_error_info *err)
{
    const struct options *o = a->options;
    struct account_new n = { .name = o->name,
                             .full_name = o->full_name != NULL ? o->full_name : o->name,
                             .source = SOURCE_LOCAL,
                             .must_change = true };
    char roles[200], hash[ACCOUNT_HASH_SIZE];
    int64_t id;

    snprintf(roles, sizeof roles, "%s", o->roles);
    for (char *c = roles; *c != '\0'; c++)
        if (*c == ',')
            *c = ' ';
    if (!roles_parse(roles, &n.roles))
        return error_set(err, IMW_ERROR_VALUE, "--roles %s: one of them is no role; --help lists them",
                         o->roles);
    if (o->expires != NULL && !when_read(o->expires, &n.expires_us))
        return error_set(err, IMW_ERROR_VALUE, "--expires %s: a day such as 2026-12-31 is needed",
                         o->expires);
    if (!read_password(o->name, hash, err))
        return false;
    n.hash = hash;
    if (!db_begin(a->db, true, err))
        return false;
    json_t *detail = json_pack("{s:s}", "roles", roles);
    const bool ok = account_create(a->db, &n, a->now_us, &id, err) &&
                    tell(a, "account.create", o->name, detail, err) && db_commit(a->db, err);
    json_decref(detail);
    return ok;
}

static bool find(struct act *a, struct account *out, struct imw_error_info *err)
{
    bool found;

    if (!account_by_name(a->db, a->options->name, out, &found, err))
        return false;
    return found ||
           error_set(err, IMW_ERROR_VALUE, "there is no account '%s': imward account list", a->options->name);
}

static bool set_state(struct act *a, const struct account *account, const char *state,
                      struct imw_error_info *err)
{
    json_t *patch = json_pack("{s:s}", "state", state);
    const bool ok = account_change(a->db, account->id, patch, a->now_us, NULL, err);

    json_decref(patch);
    return ok;
}

static bool reset(struct act *a, struct imw_error_info *err)
{
    char hash[ACCOUNT_HASH_SIZE];
    struct account account;

    if (!find(a, &account, err) || !read_password(account.name, hash, err) || !db_begin(a->db, true, err))
        return false;
    return account_set_password(a->db, account.id, hash, true, a->now_us, err) &&
           account_set_totp(a->db, account.id, VIEW(""), account.totp_step, err) &&
           set_state(a, &account, "active", err) && tell(a, "account.reset", account.name, NULL, err) &&
           db_commit(a->db, err);
}

static bool disable(struct act *a, struct imw_error_info *err)
{
    struct account account;

    if (!find(a, &account, err) || !db_begin(a->db, true, err))
        return false;
    return set_state(a, &account, "disabled", err) && tell(a, "account.disable", account.name, NULL, err) &&
           db_commit(a->db, err);
}

/* ---- the command line ---- */

static const struct {
    const char *word;
    bool (*run)(struct act *a, struct imw_error_info *err);
    bool takes_name;
} acts[] = {
    { "list", list, false }, { "add", add, true }, { "reset", reset, true }, { "disable", disable, true }
};

static bool read_options(int argc, char **argv, struct options *o)
{
    int option;

    while ((option = getopt_long(argc, argv, "d:h", long_options, NULL)) != -1) {
        switch (option) {
        case 'd': o->data = optarg; break;
        case OPTION_DATABASE: o->database = optarg; break;
        case OPTION_ROLES: o->roles = optarg; break;
        case OPTION_FULL_NAME: o->full_name = optarg; break;
        case OPTION_EXPIRES: o->expires = optarg; break;
        case 'h': o->help = true; break;
        default: fputs("imward account --help tells how it is used.\n", stderr); return false;
        }
    }
    return true;
}

static int run(const struct options *o, unsigned which)
{
    const struct passwd *user = getpwuid(getuid());
    struct imw_error_info err = { 0 };
    struct timespec now;
    struct act a = { .options = o };

    clock_gettime(CLOCK_REALTIME, &now);
    a.now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    snprintf(a.actor.name, sizeof a.actor.name, "%s at the console",
             user != NULL ? user->pw_name : "somebody");
    if (!db_open_data(o->database, o->data, &a.db, &err))
        return cli_failed(&err);
    const bool ok = acts[which].run(&a, &err);
    db_rollback(a.db);
    db_close(a.db);
    return ok ? EXIT_DONE : cli_failed(&err);
}

int command_account(int argc, char **argv)
{
    struct options o = { 0 };
    unsigned which = 0, count = sizeof acts / sizeof acts[0];

    if (!read_options(argc, argv, &o))
        return EXIT_USAGE;
    if (o.help) {
        fputs(usage, stdout);
        return EXIT_DONE;
    }
    const char *word = optind < argc ? argv[optind++] : "";
    while (which < count && strcmp(word, acts[which].word) != 0)
        which++;
    if (which == count)
        return cli_usage("account", "say what to do: list, add, reset or disable");
    if (acts[which].takes_name && optind < argc)
        o.name = argv[optind++];
    if (optind < argc || (acts[which].takes_name && o.name == NULL))
        return cli_usage("account", "%s takes %s", word,
                         acts[which].takes_name ? "one name" : "options only");
    if (o.data == NULL && o.database == NULL)
        return cli_usage("account", "--data DIR must be given");
    if (strcmp(word, "add") == 0 && o.roles == NULL)
        return cli_usage("account", "add needs --roles");
    return run(&o, which);
}
