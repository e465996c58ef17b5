/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures are bytes from strangers, and analysed where a fault does no harm: by a process of its own for
 * each, `imward read --json --sandbox`, with bounds on memory, time and output. Its parent is a helper that
 * is forked before the clerk has threads and a sandbox, since afterwards it could start nothing. The helper
 * takes the number of an import, nothing else, and makes the paths of it itself.
 */
#include "base/text.h"
#include "console/clerk.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    WHY_BYTES = 240,
    STEP_MS = 50,
    WALL_S = 7200,
    CPU_S = 3600,
    MEMORY_MIB = 2048, /* of data; the flow table's most is an eighth of it */
};
#define OUTPUT_BYTES (16ull << 30)
#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0 /* AddressSanitizer maps far more memory than any limit allows */
#endif

/* What the helper says. */
struct answer {
    bool ok;
    char why[WHY_BYTES];
};

struct import_child {
    pid_t helper;
    int socket;
    char spool[512];
};

/* ---- the helper's side ---- */

static void limit(int what, uint64_t value)
{
    (void)setrlimit((__rlimit_resource_t)what, &(struct rlimit){ value, value });
}

/* The analysis; does not return. */
static void analyse(const char *spool, int64_t id, int words)
{
    char in[600], out[600], files[600];
    sigset_t none;

    snprintf(in, sizeof in, "%s/import-%" PRId64, spool, id);
    snprintf(out, sizeof out, "%s/import-%" PRId64 ".part", spool, id);
    /* What is carried lies there for the detectors, in files without names. */
    snprintf(files, sizeof files, "%s/import-%" PRId64 ".files", spool, id);
    (void)mkdir(files, 0700);
    (void)setenv("TMPDIR", files, 1);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, CPU_S);
    if (!IS_SANITIZED)
        limit(RLIMIT_DATA, (uint64_t)MEMORY_MIB << 20);
    limit(RLIMIT_FSIZE, OUTPUT_BYTES);
    int nothing = open("/dev/null", O_RDWR);
    if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(nothing, 1) < 0 || dup2(words, 2) < 0)
        _exit(127);
    (void)setpriority(PRIO_PROCESS, 0, 10);
    execl("/proc/self/exe", "imward", "read", "--json", "--quiet", "--sandbox", "--threats", "--max-flows",
          "200000", "--output", out, "--", in, (char *)NULL);
    _exit(127);
}

/* The last line of what it said, without our name. */
static void why_of(struct view said, struct text *out)
{
    struct view line = view_trim(said), rest = line;

    while (rest.len > 0) {
        line = view_token(&rest, '\n');
        if (view_starts(line, VIEW("imward: what came before")) && out->len > 0)
            break;
        if (view_starts(line, VIEW("imward: "))) {
            *out = text_over(out->at, out->size);
            text_printable(out, view_from(line, 8));
        }
    }
    if (out->len == 0)
        text_printable(out, view_slice(line, 0, WHY_BYTES - 1));
}

static void conclude(int status, struct view said, struct answer *a)
{
    struct text why = TEXT(a->why);

    a->ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (a->ok)
        return;
    if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGXCPU))
        text_format(&why, "the analysis was ended: it took more than %d s of computing, or %d s in all",
                    CPU_S, WALL_S);
    else if (WIFSIGNALED(status))
        text_format(&why,
                    "the analysis broke off (signal %d); the capture may be made to harm: please report it",
                    WTERMSIG(status));
    else
        why_of(said, &why);
}

/* Wait for the child, its words, its time and its clerk. */
static int wait_for(pid_t child, int words, int clerk, char *said, size_t size, size_t *out_len)
{
    int status = 0;

    *out_len = 0;
    for (unsigned waited_ms = 0; waitpid(child, &status, WNOHANG) == 0; waited_ms += STEP_MS) {
        struct pollfd fds[] = { { .fd = words, .events = POLLIN }, { .fd = clerk, .events = POLLHUP } };
        (void)poll(fds, 2, STEP_MS);
        ssize_t n = read(words, said + *out_len, size - *out_len);
        if (n > 0)
            *out_len += (size_t)n;
        if (*out_len == size) /* the rest does not fit; keep the pipe empty */
            *out_len = size / 2;
        if (waited_ms / 1000 >= WALL_S || (fds[1].revents & POLLHUP) != 0)
            (void)kill(child, SIGKILL);
        if (n == 0) /* closed: it ends */
            (void)usleep(1000);
    }
    ssize_t n = read(words, said + *out_len, size - *out_len);
    *out_len += n > 0 ? (size_t)n : 0;
    return status;
}

static void help_one(const char *spool, int64_t id, int clerk, struct answer *a)
{
    char said[4096];
    size_t len;
    int words[2];

    *a = (struct answer){ .ok = false, .why = "no process could be started for it; it is tried again" };
    if (pipe2(words, O_CLOEXEC | O_NONBLOCK) != 0)
        return;
    pid_t child = fork();
    if (child == 0)
        analyse(spool, id, words[1]);
    close(words[1]);
    if (child > 0) {
        int status = wait_for(child, words[0], clerk, said, sizeof said, &len);
        char files[600];
        snprintf(files, sizeof files, "%s/import-%" PRId64 ".files", spool, id);
        (void)rmdir(files);
        conclude(status, view_of(said, len), a);
    }
    close(words[0]);
}

static void help(const char *spool, int clerk)
{
    struct answer a;
    int64_t id;

    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    (void)prctl(PR_SET_NAME, "imward-import");
    /* Nothing of the clerk's but its socket: the edges to other roles end with the clerk. */
    if (dup2(clerk, 3) < 0 || close_range(4, ~0u, 0) != 0)
        _exit(1);
    clerk = 3;
    while (recv(clerk, &id, sizeof id, 0) == (ssize_t)sizeof id) {
        help_one(spool, id, clerk, &a);
        if (send(clerk, &a, sizeof a, MSG_NOSIGNAL) != (ssize_t)sizeof a)
            break;
    }
    _exit(0);
}

/* ---- the clerk's side ---- */

bool import_child_new(const char *spool, struct import_child **out, struct imw_error_info *err)
{
    struct import_child *c = calloc(1, sizeof *c);
    int ends[2];

    if (c == NULL || snprintf(c->spool, sizeof c->spool, "%s", spool) >= (int)sizeof c->spool) {
        free(c);
        return error_set(err, IMW_ERROR_VALUE, "the data folder's path is too long");
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        free(c);
        return error_errno(err, "the helper of imports");
    }
    c->helper = fork();
    if (c->helper == 0) {
        close(ends[0]);
        help(c->spool, ends[1]);
    }
    close(ends[1]);
    c->socket = ends[0];
    if (c->helper < 0) {
        error_errno(err, "the helper of imports");
        import_child_free(c);
        return false;
    }
    *out = c;
    return true;
}

void import_child_free(struct import_child *c)
{
    if (c == NULL)
        return;
    close(c->socket); /* it ends by that, and what it runs */
    if (c->helper > 0)
        (void)waitpid(c->helper, NULL, 0);
    free(c);
}

bool import_child_run(struct import_child *c, int64_t id, bool *out_some, struct imw_error_info *err)
{
    char part[600], done[600];
    struct answer a;

    *out_some = false;
    if (send(c->socket, &id, sizeof id, MSG_NOSIGNAL) != (ssize_t)sizeof id ||
        recv(c->socket, &a, sizeof a, 0) != (ssize_t)sizeof a)
        return error_set(err, IMW_ERROR_SYSTEM, "the helper of imports is gone; the server starts it again");
    snprintf(part, sizeof part, "%s/import-%" PRId64 ".part", c->spool, id);
    snprintf(done, sizeof done, "%s/import-%" PRId64 ".json", c->spool, id);
    *out_some = rename(part, done) == 0;
    a.why[WHY_BYTES - 1] = '\0';
    struct view why = view_string(a.why);
    part[strlen(part) - strlen(".part")] = '\0'; /* the spool's name of it tells nobody anything */
    if (view_starts(why, view_string(part)) && view_starts(view_from(why, strlen(part)), VIEW(": ")))
        why = view_from(why, strlen(part) + 2);
    return a.ok ? *out_some || error_errno(err, done)
                : error_set(err, IMW_ERROR_FORMAT, "%.*s", (int)why.len, (const char *)why.at);
}
