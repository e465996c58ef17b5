/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watchman: starts the roles, waits, and starts again what died.
 *
 * It keeps both ends of every edge, so that a role that is started again goes on with the same ones. One that
 * ended because something strange came over an edge (ROLE_CHANNEL_GONE) gets new ones, and so does the other
 * end, which has ended for the same reason. A role that dies again and again is started later and later. When
 * the watchman dies, all end (PR_SET_PDEATHSIG).
 */
#include "console/serve.h"
#include "base/listen.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "console/certificate.h"
#include "console/keys.h"
#include "program/account.h"
#include "program/authority.h"
#include "sensor/notify.h"
#include "sensor/sandbox.h"
#include "store/db.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    FILES_MOST = 16384,
    START_MS = 60000,  /* until front and api are there */
    STOP_MS = 10000,   /* until all have ended; then they are killed */
    SILENT_MS = 30000, /* a role without a sign of life is killed and started again */
    STEADY_MS = 60000, /* a role that ran so long begins anew with the short wait */
    AGAIN_MS = 100,    /* the first wait; then twice as long each time */
    AGAIN_MOST_MS = 30000,
    ROUND_MS = 200,
    EDGE_BYTES = 512 * 1024, /* of messages on their way, where the system allows it */
};

struct watched {
    pid_t pid; /* 0: not running */
    uint64_t started_ms, again_at_ms, wait_ms;
    uint64_t edges[EDGE_COUNT]; /* generation of each when it was started */
    bool wanted;
};

struct watchman {
    const struct console_config *config;
    struct changes *changes;
    struct notify notify;
    int signals, listeners[CONSOLE_ROLE_COUNT];
    int edges[EDGE_COUNT][2]; /* asking end, answering end */
    uint64_t generation[EDGE_COUNT];
    struct watched roles[CONSOLE_ROLE_COUNT];
    uint64_t told_ms;
    bool ready, stopping;
};

static const struct {
    const char *name;
    int (*run)(const struct role_context *context);
} roles[] = {
    [CONSOLE_KEEPER] = { "keeper", keeper_main }, [CONSOLE_FRONT] = { "front", front_main },
    [CONSOLE_API] = { "api", api_main },          [CONSOLE_COLLECTOR] = { "collector", collector_main },
    [CONSOLE_CLERK] = { "clerk", clerk_main },
};

static const struct {
    enum console_role from, to;
} edge_ends[] = {
#define X(id, from, to) { CONSOLE_##from, CONSOLE_##to },
    CONSOLE_EDGES(X)
#undef X
};

/* ---- edges ---- */

static bool edge_make(struct watchman *w, unsigned edge, struct imw_error_info *err)
{
    for (unsigned end = 0; end < 2; end++)
        if (w->edges[edge][end] >= 0)
            close(w->edges[edge][end]);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, w->edges[edge]) != 0)
        return error_errno(err, "socketpair");
    for (unsigned end = 0; end < 2; end++)
        (void)setsockopt(w->edges[edge][end], SOL_SOCKET, SO_SNDBUF, &(int){ EDGE_BYTES }, sizeof(int));
    w->generation[edge]++;
    return true;
}

/* The edges that a role found closed; the other end may have had them made anew already. */
static void edges_renew(struct watchman *w, enum console_role role)
{
    struct imw_error_info err = { 0 };

    for (unsigned e = 0; e < EDGE_COUNT; e++) {
        bool mine = edge_ends[e].from == role || edge_ends[e].to == role;
        struct pollfd end = { .fd = w->edges[e][0] };
        bool closed = mine && poll(&end, 1, 0) > 0 && (end.revents & POLLHUP) != 0;
        if (closed && w->generation[e] == w->roles[role].edges[e] && !edge_make(w, e, &err))
            log_error("role_channel", "%s", err.text);
    }
}

/* ---- roles ---- */

/* In the new process: only what is this role's stays open. */
static _Noreturn void role_begin(struct watchman *w, enum console_role role, pid_t parent)
{
    struct role_context context = {
        .role = role, .config = w->config, .changes = w->changes, .listener = w->listeners[role]
    };
    sigset_t mask;
    char name[16];

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent)
        _exit(ROLE_FAILED);
    snprintf(name, sizeof name, "imward-%s", roles[role].name);
    (void)prctl(PR_SET_NAME, name, 0, 0, 0);
    close(w->signals);
    notify_close(&w->notify);
    for (unsigned r = 0; r < CONSOLE_ROLE_COUNT; r++)
        if (r != (unsigned)role && w->listeners[r] >= 0)
            close(w->listeners[r]);
    for (unsigned e = 0; e < EDGE_COUNT; e++) {
        context.edges[e] = edge_ends[e].from == role ? w->edges[e][0]
                           : edge_ends[e].to == role ? w->edges[e][1]
                                                     : -1;
        for (unsigned end = 0; end < 2; end++)
            if (w->edges[e][end] != context.edges[e])
                close(w->edges[e][end]);
    }
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGHUP);
    sigaddset(&mask, SIGINT); /* of a terminal, for all: the watchman passes on what is to be done */
    sigprocmask(SIG_SETMASK, &mask, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    _exit(roles[role].run(&context));
}

static void role_start(struct watchman *w, enum console_role role)
{
    struct watched *r = &w->roles[role];
    pid_t parent = getpid();

    changes_forget(w->changes, role);
    memcpy(r->edges, w->generation, sizeof r->edges);
    r->started_ms = clock_ms();
    r->again_at_ms = 0;
    r->pid = fork();
    if (r->pid == 0)
        role_begin(w, role, parent);
    if (r->pid < 0) {
        log_error("role_start", "role=%s: %s", roles[role].name, strerror(errno));
        r->pid = 0;
        r->again_at_ms = r->started_ms + AGAIN_MOST_MS;
    }
}

/* Say how it ended, and when it begins again. */
static void role_ended(struct watchman *w, enum console_role role, int status)
{
    struct watched *r = &w->roles[role];
    uint64_t now_ms = clock_ms();

    r->pid = 0;
    if (w->stopping)
        return;
    if (now_ms - r->started_ms > STEADY_MS || r->wait_ms == 0)
        r->wait_ms = AGAIN_MS;
    else
        r->wait_ms = r->wait_ms * 2 < AGAIN_MOST_MS ? r->wait_ms * 2 : AGAIN_MOST_MS;
    if (WIFSIGNALED(status))
        log_error("role_died", "role=%s signal=%d (%s) again_in_ms=%llu: %s", roles[role].name,
                  WTERMSIG(status), strsignal(WTERMSIG(status)), (unsigned long long)r->wait_ms,
                  WTERMSIG(status) == SIGSYS
                      ? "it made a system call that is not on its list; please report it; "
                        "--no-sandbox goes on without the list"
                      : "what it had acknowledged is stored");
    else
        log_error("role_died", "role=%s status=%d again_in_ms=%llu", roles[role].name, WEXITSTATUS(status),
                  (unsigned long long)r->wait_ms);
    if (WIFEXITED(status) && WEXITSTATUS(status) == ROLE_CHANNEL_GONE)
        edges_renew(w, role);
    r->again_at_ms = now_ms + r->wait_ms;
}

static void reap(struct watchman *w)
{
    int status;

    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (unsigned role = 0; role < CONSOLE_ROLE_COUNT; role++)
            if (w->roles[role].pid == pid)
                role_ended(w, (enum console_role)role, status);
}

/* Start what is due, end what gives no sign of life. */
static void tend(struct watchman *w, uint64_t now_ms)
{
    for (unsigned role = 0; role < CONSOLE_ROLE_COUNT; role++) {
        struct watched *r = &w->roles[role];
        uint64_t alive_ms = changes_alive_ms(w->changes, (enum console_role)role);
        if (r->wanted && r->pid == 0 && now_ms >= r->again_at_ms)
            role_start(w, (enum console_role)role);
        else if (r->pid != 0 && alive_ms != 0 && now_ms > alive_ms && now_ms - alive_ms > SILENT_MS) {
            log_error("role_silent", "role=%s: no sign of life for %d s, ended", roles[role].name,
                      SILENT_MS / 1000);
            changes_forget(w->changes, (enum console_role)role);
            (void)kill(r->pid, SIGKILL);
        }
    }
}

static void signal_all(struct watchman *w, int number)
{
    for (unsigned role = 0; role < CONSOLE_ROLE_COUNT; role++)
        if (w->roles[role].pid > 0)
            (void)kill(w->roles[role].pid, number);
}

static bool any_runs(const struct watchman *w)
{
    for (unsigned role = 0; role < CONSOLE_ROLE_COUNT; role++)
        if (w->roles[role].pid > 0)
            return true;
    return false;
}

/* First those whom people speak to, then those who answer them. */
static void stop_all(struct watchman *w)
{
    uint64_t until_ms = clock_ms() + STOP_MS;

    w->stopping = true;
    notify_send(&w->notify, "STOPPING=1");
    signal_all(w, SIGTERM);
    while (any_runs(w) && clock_ms() < until_ms) {
        struct pollfd wait = { .fd = w->signals, .events = POLLIN };
        struct signalfd_siginfo s;
        (void)poll(&wait, 1, ROUND_MS);
        (void)!read(w->signals, &s, sizeof s);
        reap(w);
    }
    if (any_runs(w)) {
        log_warning("role_stop", "not all ended within %d s of SIGTERM: killed", STOP_MS / 1000);
        signal_all(w, SIGKILL);
        while (any_runs(w) && waitpid(-1, NULL, 0) > 0)
            reap(w);
    }
}

/* ---- the first start ---- */

/* While there is no account: the token with which a browser makes the first. */
static bool print_first_start(const struct console_config *config, struct imw_error_info *err)
{
    char token[START_TOKEN_SIZE], path[512];
    struct db *db = NULL;
    struct timespec now;
    bool needed = false;

    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(path, sizeof path, "%s/first-start", config->data);
    if (!db_open(config->database, &db, err))
        return false;
    bool ok = start_token(db, (uint64_t)now.tv_sec * 1000000, token, &needed, err);
    db_close(db);
    if (!ok)
        return false;
    (void)unlink(path);
    if (!needed)
        return true;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ok = fd >= 0 && dprintf(fd, "%s\n", token) > 0;
    if (fd >= 0)
        ok = close(fd) == 0 && ok;
    if (!ok)
        return error_errno(err, path);
    printf("No account yet. The first administrator is made with this token (also in %s):\n    %s\n", path,
           token);
    return true;
}

static void print_address(const struct console_config *config)
{
    char fingerprint[96];

    printf("imward serves https://%s/\n", config->listen);
    if (config->cert == NULL && certificate_fingerprint(config, fingerprint))
        printf("Its certificate is its own, browsers ask about it once. SHA-256: %s\n", fingerprint);
    (void)fflush(stdout);
}

/* ---- preparing ---- */

/* As root the data folder is made for the user that serves. */
static bool make_data(const struct console_config *config, const struct sandbox_user *user,
                      struct imw_error_info *err)
{
    struct stat info;

    if (mkdir(config->data, 0700) == 0) {
        if (user->uid != geteuid() && chown(config->data, user->uid, user->gid) != 0)
            return error_errno(err, config->data);
    } else if (errno != EEXIST) {
        return error_errno(err, config->data);
    }
    if (stat(config->data, &info) != 0)
        return error_errno(err, config->data);
    if (info.st_uid != user->uid)
        return error_file(err, IMW_ERROR_VALUE, config->data,
                          "belongs to another user than %s: chown -R %s %s", user->name, user->name,
                          config->data);
    return true;
}

/* The clerk writes a new file beside it and renames that. */
static bool check_policy_file(const struct console_config *config, const struct sandbox_user *user,
                              struct imw_error_info *err)
{
    char folder[CERTIFICATE_PATH];

    if (config->policy_file == NULL)
        return true;
    certificate_folder(config->policy_file, folder);
    return access(folder, R_OK | W_OK | X_OK) == 0 ||
           error_file(err, IMW_ERROR_VALUE, folder, "user %s cannot write the policy's file in it",
                      user->name);
}

static bool bind_one(const char *where, int *out_fd, struct imw_error_info *err)
{
    struct listen_at at;

    return listen_read(where, NULL, CONSOLE_LISTEN_EXAMPLES, &at, err) &&
           listen_open(&at, true, where, out_fd, err);
}

static bool bind_all(struct watchman *w, struct imw_error_info *err)
{
    for (unsigned role = 0; role < CONSOLE_ROLE_COUNT; role++)
        w->listeners[role] = -1;
    return bind_one(w->config->listen, &w->listeners[CONSOLE_FRONT], err) &&
           (w->config->collector == NULL ||
            bind_one(w->config->collector, &w->listeners[CONSOLE_COLLECTOR], err));
}

static void raise_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max > FILES_MOST)
        limit.rlim_cur = FILES_MOST;
    else
        limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static bool prepare(struct watchman *w, struct imw_error_info *err)
{
    struct sandbox_user user;
    sigset_t set;

    raise_files();
    (void)umask(0077);
    if (!sandbox_user_find(w->config->user, &user, err) || !bind_all(w, err) ||
        !make_data(w->config, &user, err) || !sandbox_become(&user, 0, err))
        return false;
    if (access(w->config->data, R_OK | W_OK | X_OK) != 0)
        return error_file(err, IMW_ERROR_VALUE, w->config->data,
                          "user %s cannot use it: the folders above must let it through", user.name);
    if (!check_policy_file(w->config, &user, err))
        return false;
    char keys[512];

    snprintf(keys, sizeof keys, "%s/keys", w->config->data);
    if (!keys_ensure(w->config->data, err) || !authority_make(keys, clock_us(), err) ||
        !certificate_ensure(w->config, err) || !db_migrate(w->config->database, err) ||
        !print_first_start(w->config, err))
        return false;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    w->changes = changes_new();
    if (w->signals < 0 || w->changes == NULL)
        return error_errno(err, "signalfd");
    for (unsigned e = 0; e < EDGE_COUNT; e++) {
        w->edges[e][0] = w->edges[e][1] = -1;
        if (!edge_make(w, e, err))
            return false;
    }
    for (unsigned role = 0; role < CONSOLE_ROLE_COUNT; role++)
        w->roles[role].wanted = role != CONSOLE_COLLECTOR || w->config->collector != NULL;
    return true;
}

/* ---- running ---- */

static bool is_alive(const struct watchman *w, enum console_role role, uint64_t now_ms, uint64_t within_ms)
{
    uint64_t alive_ms = changes_alive_ms(w->changes, role);
    return alive_ms != 0 && (alive_ms >= now_ms || now_ms - alive_ms < within_ms);
}

static void tell_systemd(struct watchman *w, uint64_t now_ms)
{
    bool well =
        is_alive(w, CONSOLE_FRONT, now_ms, SILENT_MS / 2) && is_alive(w, CONSOLE_API, now_ms, SILENT_MS / 2);

    if (!w->ready && well) {
        w->ready = true;
        print_address(w->config);
        notify_send(&w->notify, "READY=1\nSTATUS=https://%s/", w->config->listen);
    }
    if (well && w->notify.watchdog_us != 0 && now_ms - w->told_ms > w->notify.watchdog_us / 3000) {
        w->told_ms = now_ms;
        notify_send(&w->notify, "WATCHDOG=1");
    }
}

static int watch_over(struct watchman *w)
{
    uint64_t begun_ms = clock_ms();
    struct signalfd_siginfo s;

    for (;;) {
        struct pollfd wait = { .fd = w->signals, .events = POLLIN };
        uint64_t now_ms = clock_ms();
        tend(w, now_ms);
        tell_systemd(w, now_ms);
        if (!w->ready && now_ms - begun_ms > START_MS) {
            log_error("serve", "the front or the api does not start: the lines above say why");
            return EXIT_FAILURE;
        }
        (void)poll(&wait, 1, ROUND_MS);
        while (read(w->signals, &s, sizeof s) == (ssize_t)sizeof s) {
            if (s.ssi_signo == SIGTERM || s.ssi_signo == SIGINT)
                return EXIT_SUCCESS;
            if (s.ssi_signo == SIGHUP) {
                notify_reloading(&w->notify);
                signal_all(w, SIGHUP);
                notify_send(&w->notify, "READY=1");
            }
        }
        reap(w);
    }
}

int serve_run(struct console_config *config)
{
    struct watchman w = { .config = config, .signals = -1 };
    struct imw_error_info err = { 0 };
    char line[768];

    notify_open(&w.notify);
    if (!prepare(&w, &err)) {
        fprintf(stderr, "imward: %s\n", error_format(&err, line, sizeof line));
        return EXIT_FAILURE;
    }
    (void)fflush(stdout);
    if (!config->sandbox)
        log_warning("sandbox", "off, as --no-sandbox asks: for finding faults only");
    int status = watch_over(&w);
    stop_all(&w);
    return status;
}
