/* SPDX-License-Identifier: Apache-2.0 */
/* Databases for tests: database.h. */
#include "store/database.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The server of this test program; tests may have a global. */
static struct {
    bool tried;
    pid_t pid, owner; /* owner: who may end it, no child of a test */
    char folder[64];
    unsigned databases;
} server;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void)st;
    (void)type;
    (void)f;
    return remove(path);
}

static void remove_folder(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* PostgreSQL refuses to run as root. */
static void become_postgres(void)
{
    const struct passwd *who = geteuid() == 0 ? getpwnam("postgres") : NULL;

    if (who != NULL &&
        (initgroups("postgres", who->pw_gid) != 0 || setgid(who->pw_gid) != 0 || setuid(who->pw_uid) != 0))
        _exit(126);
}

/* A program of PostgreSQL, beside this one. `program`: the path. */
static pid_t start(const char *const *argv)
{
    const pid_t parent = getpid(), pid = fork();

    if (pid != 0)
        return pid;
    become_postgres();
    prctl(PR_SET_PDEATHSIG, SIGQUIT); /* "immediate shutdown"; after setuid(), which takes it back */
    if (getppid() != parent)
        _exit(126);

    const int null = open("/dev/null", O_RDWR);
    char log[128];
    snprintf(log, sizeof log, "%s/log", server.folder);
    const int words = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(null, 0);
    dup2(words, 1);
    dup2(words, 2);
    for (int fd = 3; fd < 64; fd++)
        close(fd);
    if (chdir(server.folder) != 0)
        _exit(126);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static void server_end(void)
{
    if (server.owner != getpid() || server.pid <= 0)
        return;
    kill(server.pid, SIGQUIT);
    waitpid(server.pid, NULL, 0);
    remove_folder(server.folder);
    server.pid = 0;
}

static bool server_url(const char *name, char *out, size_t size)
{
    return (size_t)snprintf(out, size, "postgresql:///%s?host=%s&user=postgres", name, server.folder) < size;
}

static bool server_run(const char *sql)
{
    char url[256];

    server_url("postgres", url, sizeof url);
    PGconn *conn = PQconnectdb(url);
    bool ok = PQstatus(conn) == CONNECTION_OK;

    if (ok && sql != NULL) {
        PGresult *r = PQexec(conn, sql);

        ok = PQresultStatus(r) == PGRES_COMMAND_OK;
        if (!ok)
            fprintf(stderr, "%s", PQerrorMessage(conn));
        PQclear(r);
    }
    PQfinish(conn);
    return ok;
}

/* The newest version's folder of programs, where Debian and where others have it. */
static bool find_programs(char *out, size_t size)
{
    glob_t found;
    bool ok = false;

    if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) == 0 ||
        glob("/usr/bin/initdb", 0, NULL, &found) == 0) {
        const char *last = found.gl_pathv[found.gl_pathc - 1];

        ok = (size_t)snprintf(out, size, "%.*s", (int)(strlen(last) - strlen("/initdb")), last) < size;
        globfree(&found);
    }
    return ok;
}

static bool server_start(void)
{
    char bin[128], initdb[160], postgres[160], data[96];

    if (server.tried)
        return server.pid > 0;
    server.tried = true;
    if (!find_programs(bin, sizeof bin))
        return false;

    snprintf(server.folder, sizeof server.folder, "/tmp/imward-test-pg-XXXXXX");
    assert_non_null(mkdtemp(server.folder));
    const struct passwd *who = geteuid() == 0 ? getpwnam("postgres") : NULL;
    assert_true(geteuid() != 0 || (who != NULL && chown(server.folder, who->pw_uid, who->pw_gid) == 0));
    assert_int_equal(chmod(server.folder, 0700), 0);
    snprintf(initdb, sizeof initdb, "%s/initdb", bin);
    snprintf(postgres, sizeof postgres, "%s/postgres", bin);
    snprintf(data, sizeof data, "%s/data", server.folder);

    int status = -1;
    const pid_t init = start((const char *const[]){ initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E",
                                                    "UTF8", "--locale=C.UTF-8", "--no-sync", "-N", NULL });
    assert_int_equal(waitpid(init, &status, 0), init);
    if (status != 0)
        fail_msg("initdb failed: %s/log", server.folder);
    /* fsync: the tests kill processes, not machines */
    server.pid = start((const char *const[]){
        postgres, "-D", data, "-k", server.folder, "-c", "listen_addresses=", "-c", "fsync=off", "-c",
        "shared_buffers=32MB", "-c", "max_connections=40", "-c", "autovacuum=off", NULL });
    server.owner = getpid();
    atexit(server_end);
    for (int i = 0; i < 600 && !server_run(NULL); i++) {
        const struct timespec pause = { .tv_nsec = 50000000 };

        nanosleep(&pause, NULL);
    }
    assert_true(server_run(NULL));
    return true;
}

bool database_new(enum db_kind kind, const char *folder, char *out, size_t size)
{
    char name[32], sql[96];

    if (kind == DB_SQLITE)
        return (size_t)snprintf(out, size, "sqlite:%s/test.db", folder) < size;
    if (!server_start())
        return false;
    snprintf(name, sizeof name, "test%u", ++server.databases);
    snprintf(sql, sizeof sql, "create database %s template template0", name);
    assert_true(server_run(sql));
    return server_url(name, out, size);
}

void database_good(bool ok, const struct imw_error_info *err, const char *call, const char *file, int line)
{
    char text[1024];

    if (ok)
        return;
    print_error("%s failed: %s\n", call, error_format(err, text, sizeof text));
    _fail(file, line);
}

struct db *database_connect(struct database *d)
{
    struct db *db = NULL;

    good(d, db_open(d->url, &db, &d->err));
    return db;
}

int64_t database_number(struct database *d, const char *sql)
{
    int64_t number = 0;
    bool found = false;

    good(d, db_query_int(d->db, sql, DB_NONE, &number, &found, &d->err));
    assert_true(found);
    return number;
}

void database_test_run(void **state)
{
    const struct database_test *test = *state;
    struct database d = { .kind = test->kind };

    snprintf(d.folder, sizeof d.folder, "/tmp/imward-test-db-XXXXXX");
    assert_non_null(mkdtemp(d.folder));
    if (!database_new(test->kind, d.folder, d.url, sizeof d.url)) {
        rmdir(d.folder);
        print_message("PostgreSQL is not installed: scripts/setup check\n");
        skip();
    }
    if (!test->empty) {
        good(&d, db_migrate(d.url, &d.err));
        d.db = database_connect(&d);
    }
    test->run(&d);
    db_close(d.db);
    if (test->kind == DB_POSTGRES) {
        char sql[64];

        snprintf(sql, sizeof sql, "drop database test%u with (force)", server.databases);
        (void)server_run(sql);
    }
    remove_folder(d.folder);
}
