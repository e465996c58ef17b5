/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes that read documents:
 *
 *     helper        waits for requests; one supervisor for each
 *     supervisor    passes text on, counts it, looks at the clock, ends the reader; parses nothing
 *     reader        has the document and two pipes, and parses; or becomes pdftotext, for PDF
 *
 * The reader may read, write, and have memory; system calls that open files fail, all others end it
 * (seccomp), and so do its limits on memory and processor time. pdftotext (of poppler, which is under the
 * GPL, and so is a program beside us) needs its libraries and tables: it may read below /usr and /lib, and
 * nothing else where the kernel has Landlock; it may write nowhere and has no network either.
 *
 * Sources: seccomp(2), landlock(7), setrlimit(2), pdftotext(1).
 */
#include "base/text.h"
#include "content/document_text.h"
#include "content/document_wire.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    MEMORY_BYTES = 768 << 20,
    UNPACKED_BYTES = 512 << 20,
    OPEN_FILES = 32,
    MESSAGE_BYTES = 200,
    EXIT_NO_SANDBOX = 70, /* the reader could not confine itself */
    EXIT_NO_PROGRAM = 71, /* there is no pdftotext */
    EXIT_ANSWER = 80,     /* and the answer: no library that gives up exits so */
};

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

/* ---- what the reader gives up ---- */

#define CALL(name) SCMP_SYS(name)

static const int calls_of_reader[] = {
    CALL(brk),          CALL(clock_gettime), CALL(close),           CALL(exit),
    CALL(exit_group),   CALL(fstat),         CALL(futex),           CALL(getpid),
    CALL(getrandom),    CALL(gettid),        CALL(lseek),           CALL(madvise),
    CALL(mremap),       CALL(munmap),        CALL(newfstatat),      CALL(pread64),
    CALL(read),         CALL(readv),         CALL(restart_syscall), CALL(rt_sigprocmask),
    CALL(rt_sigreturn), CALL(sched_yield),   CALL(sigaltstack),     CALL(write),
    CALL(writev),       CALL(sysinfo),
};

/* Of a program that is about to start. */
static const int calls_of_program[] = {
    CALL(access), CALL(arch_prctl),   CALL(execve),          CALL(faccessat),       CALL(faccessat2),
    CALL(fcntl),  CALL(getdents64),   CALL(getegid),         CALL(geteuid),         CALL(getgid),
    CALL(getuid), CALL(lstat),        CALL(prlimit64),       CALL(readlink),        CALL(readlinkat),
    CALL(rseq),   CALL(rt_sigaction), CALL(set_robust_list), CALL(set_tid_address), CALL(stat),
    CALL(statfs), CALL(fstatfs),      CALL(statx),           CALL(uname),           CALL(getcwd),
    CALL(dup),
};

/* Libraries ask for these now and then, and can do without. */
static const int calls_refused[] = {
    CALL(ioctl), CALL(openat), CALL(open), CALL(access), CALL(readlink), CALL(stat), CALL(statx),
};

static bool add_all(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (seccomp_rule_add(filter, action, calls[i], 0) != 0)
            return false;
    return true;
}
#define ADD_ALL(filter, action, list) add_all(filter, action, list, sizeof(list) / sizeof((list)[0]))

static bool fill_filter(scmp_filter_ctx filter, bool program)
{
    uint32_t allow = SCMP_ACT_ALLOW, refuse = SCMP_ACT_ERRNO(EACCES);

    if (!ADD_ALL(filter, allow, calls_of_reader))
        return false;
    if (program)
        return ADD_ALL(filter, allow, calls_of_program) &&
               seccomp_rule_add(filter, allow, CALL(mmap), 0) == 0 &&
               seccomp_rule_add(filter, allow, CALL(mprotect), 0) == 0 &&
               seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOTTY), CALL(ioctl), 0) == 0 &&
               seccomp_rule_add(filter, allow, CALL(openat), 1,
                                SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT, O_RDONLY)) == 0 &&
               seccomp_rule_add(filter, allow, CALL(open), 1,
                                SCMP_A1(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT, O_RDONLY)) == 0;
    return ADD_ALL(filter, refuse, calls_refused) &&
           seccomp_rule_add(filter, allow, CALL(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0 &&
           seccomp_rule_add(filter, allow, CALL(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0;
}

static bool limit_calls(bool program)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    bool ok = filter != NULL && fill_filter(filter, program) && seccomp_load(filter) == 0;

    seccomp_release(filter);
    return ok;
}

/* Below these a program may read, and execute; without Landlock what seccomp leaves holds alone. */
static bool limit_paths(void)
{
    static const char *const paths[] = { "/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives" };
    uint64_t all = (1u << 13) - 1,
             tree = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE;
    int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);

    if (rules < 0)
        return errno == ENOSYS || errno == EOPNOTSUPP;
    for (unsigned i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct landlock_path_beneath_attr rule = { .parent_fd = open(paths[i], O_PATH | O_CLOEXEC) };
        bool file = strcmp(paths[i], "/etc/ld.so.cache") == 0;
        rule.allowed_access = file ? LANDLOCK_ACCESS_FS_READ_FILE : tree;
        if (rule.parent_fd >= 0) {
            (void)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
            close(rule.parent_fd);
        }
    }
    bool ok = syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    close(rules);
    return ok;
}

static bool limit(int what, uint64_t value)
{
    return setrlimit((__rlimit_resource_t)what, &(struct rlimit){ value, value }) == 0;
}

static bool confine(const struct document_request *request, bool program)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 &&
           (IS_SANITIZED || limit(RLIMIT_AS, MEMORY_BYTES)) &&
           limit(RLIMIT_CPU, request->timeout_ms / 1000 + 1) && limit(RLIMIT_NOFILE, OPEN_FILES) &&
           limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_CORE, 0) && (!program || limit_paths()) &&
           limit_calls(program);
}

/* ---- the reader ---- */

struct out {
    size_t held;
    uint8_t bytes[DOCUMENT_FRAME_MOST];
};

/* A pipe that nobody reads any more ends the reader, which is right. */
static void out_flush(struct out *o)
{
    for (size_t done = 0; done < o->held;) {
        ssize_t n = write(STDOUT_FILENO, o->bytes + done, o->held - done);
        if (n < 0)
            _exit(EXIT_ANSWER + DOCUMENT_CUT);
        done += (size_t)n;
    }
    o->held = 0;
}

static void out_put(void *context, struct view text)
{
    struct out *o = context;

    while (text.len > 0) {
        size_t n = text.len < sizeof o->bytes - o->held ? text.len : sizeof o->bytes - o->held;
        memcpy(o->bytes + o->held, text.at, n);
        o->held += n;
        text = view_from(text, n);
        if (o->held == sizeof o->bytes)
            out_flush(o);
    }
}

static _Noreturn void be_parser(const struct document_request *request)
{
    struct out o = { .held = 0 };
    struct document_sink sink = { .put = out_put, .context = &o, .most_unpacked = UNPACKED_BYTES };

    if (!confine(request, false))
        _exit(EXIT_NO_SANDBOX);
    enum document_answer answer = document_extract(STDIN_FILENO, request->media_type, &sink);
    out_flush(&o);
    if (answer == DOCUMENT_FAILED && sink.why != NULL && write(STDERR_FILENO, sink.why, strlen(sink.why)) < 0)
        _exit(EXIT_ANSWER + DOCUMENT_FAILED);
    _exit(EXIT_ANSWER + (int)answer);
}

static _Noreturn void be_pdftotext(const struct document_request *request)
{
    static const char program[] = "/usr/bin/pdftotext";
    char *const argv[] = { "pdftotext", "-enc", "UTF-8", "-", "-", NULL };
    char *const environment[] = { "LC_ALL=C", NULL };

    if (access(program, X_OK) != 0)
        _exit(EXIT_NO_PROGRAM);
    if (!confine(request, true))
        _exit(EXIT_NO_SANDBOX);
    execve(program, argv, environment);
    _exit(EXIT_NO_PROGRAM);
}

/* The mark of a PDF may have other bytes before it. */
static bool is_pdf(int fd)
{
    uint8_t bytes[1024];
    ssize_t n = pread(fd, bytes, sizeof bytes, 0);
    struct view v = view_of(bytes, n > 0 ? (size_t)n : 0);

    return view_find(v, VIEW("%PDF-")) < v.len;
}

/* ---- the supervisor ---- */

struct supervised {
    pid_t reader;
    int text, message, answer;
    bool pdf;
    uint64_t left; /* bytes that are wanted yet */
    char said[MESSAGE_BYTES];
    size_t said_length;
};

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void send_all(int fd, const void *from, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = write(fd, (const uint8_t *)from + done, size - done);
        if (n < 0 && errno != EINTR)
            _exit(1); /* who asked has gone; the reader dies with us */
        done += n > 0 ? (size_t)n : 0;
    }
}

static void send_frame(int fd, enum document_frame_kind kind, enum document_answer answer, struct view v)
{
    struct document_frame frame = { .kind = kind, .length = (uint32_t)v.len, .answer = answer };

    send_all(fd, &frame, sizeof frame);
    send_all(fd, v.at, v.len);
}

static bool start_reader(struct supervised *s, int document, const struct document_request *request)
{
    int text[2], message[2];

    s->pdf = is_pdf(document);
    if (pipe2(text, O_CLOEXEC) != 0 || pipe2(message, O_CLOEXEC) != 0)
        return false;
    s->reader = fork();
    if (s->reader == 0) {
        if (lseek(document, 0, SEEK_SET) < 0 && errno != ESPIPE)
            _exit(EXIT_NO_SANDBOX);
        if (dup2(document, STDIN_FILENO) < 0 || dup2(text[1], STDOUT_FILENO) < 0 ||
            dup2(message[1], STDERR_FILENO) < 0 || close_range(STDERR_FILENO + 1, ~0u, 0) != 0)
            _exit(EXIT_NO_SANDBOX);
        if (s->pdf)
            be_pdftotext(request);
        be_parser(request);
    }
    close(text[1]);
    close(message[1]);
    s->text = text[0];
    s->message = message[0];
    return s->reader > 0;
}

/* Text and messages until both pipes end. False: out of time, or enough. */
static bool pass_on(struct supervised *s, uint64_t deadline, enum document_answer *why)
{
    uint8_t bytes[DOCUMENT_FRAME_MOST];

    while (s->text >= 0 || s->message >= 0) {
        struct pollfd p[2] = { { .fd = s->text, .events = POLLIN }, { .fd = s->message, .events = POLLIN } };
        uint64_t now = now_ms();
        *why = DOCUMENT_FAILED;
        if (now >= deadline || poll(p, 2, (int)(deadline - now)) <= 0)
            return false;
        if (p[1].revents != 0) {
            ssize_t n = read(s->message, bytes, sizeof bytes);
            size_t room = sizeof s->said - s->said_length, taken = n > 0 ? (size_t)n : 0;
            taken = taken < room ? taken : room;
            memcpy(s->said + s->said_length, bytes, taken);
            s->said_length += taken;
            if (n <= 0)
                s->message = -1;
        }
        if (p[0].revents != 0) {
            ssize_t n = read(s->text, bytes, sizeof bytes);
            size_t taken = n > 0 ? (size_t)n : 0;
            bool enough = taken > s->left;
            taken = enough ? (size_t)s->left : taken;
            if (taken > 0)
                send_frame(s->answer, DOCUMENT_TEXT, DOCUMENT_DONE, view_of(bytes, taken));
            s->left -= taken;
            *why = DOCUMENT_CUT;
            if (enough)
                return false;
            if (n <= 0)
                s->text = -1;
        }
    }
    return true;
}

static enum document_answer judge_exit(const struct supervised *s, int status, struct text *why)
{
    struct view said = view_of(s->said, s->said_length), first;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

    if (!view_line(&said, &first))
        first = said;
    if (WIFSIGNALED(status)) {
        text_format(why,
                    WTERMSIG(status) == SIGSYS ? "its reader tried what it must not do (signal %d)"
                                               : "its reader died of signal %d",
                    WTERMSIG(status));
        return DOCUMENT_FAILED;
    }
    if (code == EXIT_NO_SANDBOX || code == EXIT_NO_PROGRAM) {
        text_string(why, code == EXIT_NO_SANDBOX ? "its reader could not be confined"
                                                 : "pdftotext is not installed (poppler-utils)");
        return DOCUMENT_FAILED;
    }
    if (!s->pdf && code >= EXIT_ANSWER && code <= EXIT_ANSWER + DOCUMENT_FAILED) {
        text_printable(why, first);
        return (enum document_answer)(code - EXIT_ANSWER);
    }
    if (s->pdf && code == 0)
        return DOCUMENT_DONE;
    if (s->pdf &&
        (code == 3 || view_find_nocase(view_of(s->said, s->said_length), VIEW("password")) < s->said_length))
        return DOCUMENT_ENCRYPTED;
    text_string(why, s->pdf ? "pdftotext: " : "its reader failed: ");
    text_printable(why, first);
    return DOCUMENT_FAILED;
}

static _Noreturn void supervise(int document, int answer, const struct document_request *request)
{
    struct supervised s = { .answer = answer, .left = request->most_bytes };
    enum document_answer judged = DOCUMENT_FAILED, why_ended;
    char why[MESSAGE_BYTES];
    struct text t = TEXT(why);
    int status = 0;

    (void)signal(SIGCHLD, SIG_DFL);
    if (!start_reader(&s, document, request)) {
        text_format(&t, "its reader could not start: %s", strerror(errno));
    } else if (pass_on(&s, now_ms() + request->timeout_ms, &why_ended)) {
        if (waitpid(s.reader, &status, 0) == s.reader)
            judged = judge_exit(&s, status, &t);
    } else {
        kill(s.reader, SIGKILL);
        judged = why_ended;
        if (judged == DOCUMENT_FAILED)
            text_format(&t, "its reader took longer than %u ms", request->timeout_ms);
    }
    send_frame(answer, DOCUMENT_END, judged, view_string(why));
    _exit(0);
}

/* ---- the helper ---- */

/* A request with its two descriptors. */
static bool take_request(struct document_request *request, int fds[2], bool *ended)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
    struct iovec part = { request, sizeof *request };
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
    };
    ssize_t n = recvmsg(STDIN_FILENO, &message, MSG_CMSG_CLOEXEC);
    struct cmsghdr *head = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;

    *ended = n == 0 || (n < 0 && errno != EINTR);
    if (head == NULL || head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(2 * sizeof(int)))
        return false;
    memcpy(fds, CMSG_DATA(head), 2 * sizeof(int));
    request->media_type[sizeof request->media_type - 1] = '\0';
    return n == (ssize_t)sizeof *request;
}

int document_helper(void)
{
    struct document_request request;
    int fds[2];
    bool ended = false;

    (void)signal(SIGCHLD, SIG_IGN); /* supervisors need no burial */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN); /* of a terminal: the program ends us */
    while (!ended) {
        if (!take_request(&request, fds, &ended))
            continue;
        pid_t supervisor = fork();
        if (supervisor == 0) {
            close(STDIN_FILENO);
            supervise(fds[0], fds[1], &request);
        }
        close(fds[0]);
        close(fds[1]); /* without a supervisor this is the end that is told */
    }
    return 0;
}
