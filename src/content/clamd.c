/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol of clamd(8), as its manual page tells it. A command is "zNAME" and a NUL; the answer is one
 * line that ends with a NUL; then clamd hangs up.
 *
 *   VERSION   "ClamAV 1.4.6/27800/Sun Nov 22 08:33:00 2026"
 *   FILDES    behind it one byte that carries a descriptor (SCM_RIGHTS); Unix sockets only
 *   INSTREAM  behind it chunks, each a length in 4 octets and as many bytes; the length 0 ends it
 *
 * Answers to a scan: "stream: OK", "fd[10]: NAME FOUND", "... ERROR". clamd may answer before it has read all
 * ("INSTREAM size limit exceeded. ERROR"), so answers are looked for while bytes are sent.
 *
 * Addresses are tried in order until one takes the connection. One on TCP that did not is left alone for a
 * while, which doubles up to 8 s, and is then tried by one thread only, so that a server that is gone does
 * not hold all of them up. Unix sockets say no at once and are always tried. A connection that breaks
 * behind the file is not tried elsewhere: the file may have been the reason.
 *
 * Whatever answers is taken for hostile: an answer is at most 1 KiB, must be of the form, and what is kept
 * of it is made printable.
 */
#include "content/clamd.h"
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    ADDRESSES = 16,
    REPLY_BYTES = 1024,
    CHUNK_BYTES = 64 << 10,
    CONNECT_MS = 2000, /* at most, of the time-out */
    BACKOFF_LEAST_MS = 1000,
    BACKOFF_MOST_MS = 8000,
};

struct address {
    bool local;
    socklen_t len;
    union {
        struct sockaddr any;
        struct sockaddr_un local;
        struct sockaddr_storage room;
    } to;
    _Atomic int64_t again_ms; /* not before */
    _Atomic int backoff_ms;
};

struct clamd {
    unsigned count;
    struct address address[ADDRESSES];
};

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- addresses ---- */

static bool take_unix(struct address *a, const char *path, struct imw_error_info *err)
{
    if (path[0] != '/' || strlen(path) >= sizeof a->to.local.sun_path)
        return error_set(err, IMW_ERROR_VALUE, "clamd: '%s' is not the path of a socket", path);
    a->local = true;
    a->to.local.sun_family = AF_UNIX;
    snprintf(a->to.local.sun_path, sizeof a->to.local.sun_path, "%s", path);
    a->len = sizeof a->to.local;
    return true;
}

static bool take_tcp(struct address *a, const char *text, struct imw_error_info *err)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    struct view v = view_string(text), port = v;
    char host[256], service[8];
    uint64_t number;
    struct addrinfo *found = NULL;

    while (port.len > 0 && view_find_byte(port, ':', 0) < port.len)
        port = view_from(port, view_find_byte(port, ':', 0) + 1);
    struct view name = view_slice(v, 0, v.len > port.len ? v.len - port.len - 1 : 0);
    if (name.len > 2 && name.at[0] == '[' && name.at[name.len - 1] == ']')
        name = view_slice(name, 1, name.len - 1);
    if (name.len == 0 || name.len >= sizeof host || !view_decimal(port, 65535, &number) || number == 0)
        return error_set(err, IMW_ERROR_VALUE, "clamd: '%s' is not HOST:PORT", text);
    snprintf(host, sizeof host, "%.*s", (int)name.len, (const char *)name.at);
    snprintf(service, sizeof service, "%u", (unsigned)number);
    int why = getaddrinfo(host, service, &hints, &found);
    if (why != 0)
        return error_set(err, IMW_ERROR_SYSTEM, "clamd: %s: %s", host, gai_strerror(why));
    a->len = found->ai_addrlen;
    memcpy(&a->to, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return true;
}

static bool take_address(struct address *a, const char *text, struct imw_error_info *err)
{
    if (strncmp(text, "unix:", 5) == 0)
        return take_unix(a, text + 5, err);
    if (strncmp(text, "tcp:", 4) == 0)
        return take_tcp(a, text + 4, err);
    return error_set(err, IMW_ERROR_VALUE, "clamd: '%s' is neither unix:PATH nor tcp:HOST:PORT", text);
}

bool clamd_new(const struct string_list *addresses, struct clamd **out, struct imw_error_info *err)
{
    if (addresses->count > ADDRESSES)
        return error_set(err, IMW_ERROR_LIMIT, "clamd: more than %d addresses", ADDRESSES);
    struct clamd *c = calloc(1, sizeof *c);
    if (c == NULL)
        return error_memory(err);
    for (; c->count < addresses->count; c->count++)
        if (!take_address(&c->address[c->count], addresses->at[c->count], err)) {
            clamd_free(c);
            return false;
        }
    *out = c;
    return true;
}

void clamd_free(struct clamd *c)
{
    free(c);
}

/* ---- sockets ---- */

/* Wait for `events`; what came of them, 0: the time is over. */
static short wait_for(int fd, short events, int64_t deadline_ms)
{
    for (;;) {
        int64_t left = deadline_ms - now_ms();
        struct pollfd p = { .fd = fd, .events = events };
        if (left <= 0)
            return 0;
        int n = poll(&p, 1, (int)(left < 60000 ? left : 60000));
        if (n > 0)
            return p.revents;
        if (n < 0 && errno != EINTR)
            return POLLERR;
    }
}

static int connect_to(const struct address *a, int64_t deadline_ms)
{
    int fd = socket(a->to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), why = 0;
    socklen_t len = sizeof why;

    if (fd < 0)
        return -1;
    if (connect(fd, &a->to.any, a->len) == 0)
        return fd;
    if (errno == EINPROGRESS && wait_for(fd, POLLOUT, deadline_ms) != 0 &&
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len) == 0 && why == 0)
        return fd;
    close(fd);
    return -1;
}

/* May this thread try the address? Of several that could, behind a failure, one. */
static bool may_try(struct address *a)
{
    int64_t now = now_ms(), again = atomic_load(&a->again_ms);

    if (a->local || again == 0)
        return true;
    return now >= again && atomic_compare_exchange_strong(&a->again_ms, &again, now + BACKOFF_MOST_MS);
}

static void note_answer(struct address *a, bool there)
{
    int backoff = atomic_load(&a->backoff_ms);

    backoff = there ? 0 : backoff == 0 ? BACKOFF_LEAST_MS : backoff * 2;
    if (backoff > BACKOFF_MOST_MS)
        backoff = BACKOFF_MOST_MS;
    atomic_store(&a->backoff_ms, backoff);
    atomic_store(&a->again_ms, there ? 0 : now_ms() + backoff);
}

/* A connection to the first that takes one; -1: none. */
static int connect_any(struct clamd *c, int64_t deadline_ms, struct address **out)
{
    for (unsigned i = 0; i < c->count; i++) {
        struct address *a = &c->address[i];
        int64_t until = now_ms() + CONNECT_MS;
        if (!may_try(a))
            continue;
        int fd = connect_to(a, until < deadline_ms ? until : deadline_ms);
        note_answer(a, fd >= 0);
        if (fd >= 0) {
            *out = a;
            return fd;
        }
    }
    return -1;
}

enum sent { SENT_ALL, SENT_ANSWERED, SENT_BROKEN, SENT_TIMED_OUT };

/* Send until done, or until there is something to read. */
static enum sent send_all(int fd, struct view bytes, int64_t deadline_ms)
{
    while (bytes.len > 0) {
        short what = wait_for(fd, POLLIN | POLLOUT, deadline_ms);
        if (what == 0)
            return SENT_TIMED_OUT;
        if ((what & POLLIN) != 0)
            return SENT_ANSWERED;
        ssize_t n = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return SENT_BROKEN;
        bytes = view_from(bytes, n > 0 ? (size_t)n : 0);
    }
    return SENT_ALL;
}

static enum sent send_chunk(int fd, struct view bytes, int64_t deadline_ms)
{
    uint32_t n = (uint32_t)bytes.len;
    const uint8_t head[4] = { (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };
    enum sent sent = send_all(fd, view_of(head, sizeof head), deadline_ms);

    return sent == SENT_ALL ? send_all(fd, bytes, deadline_ms) : sent;
}

static enum sent send_stream(int to, int file, int64_t deadline_ms)
{
    uint8_t *block = malloc(CHUNK_BYTES);
    enum sent sent = block != NULL ? send_all(to, VIEW("zINSTREAM\0"), deadline_ms) : SENT_BROKEN;
    off_t at = 0;

    for (ssize_t n = 1; sent == SENT_ALL && n > 0; at += n) {
        n = pread(file, block, CHUNK_BYTES, at);
        if (n < 0)
            sent = SENT_BROKEN; /* half a file must not be called clean */
        else
            sent = send_chunk(to, view_of(block, (size_t)n), deadline_ms);
    }
    free(block);
    return sent;
}

static enum sent send_descriptor(int to, int file, int64_t deadline_ms)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = { .room = { 0 } };
    struct iovec byte = { .iov_base = (char[1]){ 0 }, .iov_len = 1 };
    struct msghdr m = {
        .msg_iov = &byte, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room
    };
    enum sent sent = send_all(to, VIEW("zFILDES\0"), deadline_ms);

    control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof file),
                                     .cmsg_level = SOL_SOCKET,
                                     .cmsg_type = SCM_RIGHTS };
    memcpy(CMSG_DATA(&control.head), &file, sizeof file);
    while (sent == SENT_ALL) {
        short what = wait_for(to, POLLIN | POLLOUT, deadline_ms);
        if (what == 0)
            return SENT_TIMED_OUT;
        if ((what & POLLIN) != 0)
            return SENT_ANSWERED;
        if (sendmsg(to, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == 1)
            break;
        if (errno != EAGAIN && errno != EINTR)
            sent = SENT_BROKEN;
    }
    return sent;
}

/* One answer, without its NUL. */
static enum clamd_answer receive(int fd, int64_t deadline_ms, char reply[REPLY_BYTES], struct view *out)
{
    size_t have = 0;

    for (;;) {
        if (wait_for(fd, POLLIN, deadline_ms) == 0)
            return CLAMD_TIMED_OUT;
        ssize_t n = recv(fd, reply + have, REPLY_BYTES - have, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n <= 0)
            return CLAMD_AWAY;
        have += (size_t)n;
        size_t end = view_find_byte(view_of(reply, have), '\0', 0);
        *out = view_of(reply, end);
        if (end < have)
            return CLAMD_CLEAN;
        if (have == REPLY_BYTES)
            return CLAMD_FAILED;
    }
}

/* ---- answers ---- */

static bool ends_with(struct view v, struct view end)
{
    return v.len >= end.len && view_equal(view_from(v, v.len - end.len), end);
}

enum clamd_answer clamd_reply(struct view reply, struct text *text)
{
    struct view said = view_from(reply, view_find(reply, VIEW(": ")) + 2);
    bool form = view_starts(reply, VIEW("stream: ")) || view_starts(reply, VIEW("fd["));

    if (form && view_equal(said, VIEW("OK")))
        return CLAMD_CLEAN;
    if (form && ends_with(said, VIEW(" FOUND")) && said.len > sizeof " FOUND" - 1) {
        said.len -= sizeof " FOUND" - 1;
        text_printable(text, said);
        /* What clamd is told to say of files that it did not judge is no finding. */
        return view_starts(said, VIEW("Heuristics.Encrypted.")) ? CLAMD_ENCRYPTED
               : view_starts(said, VIEW("Heuristics.Limits."))  ? CLAMD_TOO_LARGE
                                                                : CLAMD_FOUND;
    }
    text_string(text, "clamd says: ");
    text_printable(text, reply);
    return view_starts(reply, VIEW("INSTREAM size limit exceeded")) ? CLAMD_TOO_LARGE : CLAMD_FAILED;
}

/* What clamd says to what was sent. */
static enum clamd_answer conclude(int fd, enum sent sent, int64_t deadline_ms, struct text *text)
{
    char bytes[REPLY_BYTES];
    struct view reply = view_of(NULL, 0);
    enum clamd_answer answer = CLAMD_TIMED_OUT;

    if (sent != SENT_TIMED_OUT)
        answer = receive(fd, deadline_ms, bytes, &reply);
    /* An answer to half a file is not about the file, unless it tells of an error. */
    if (answer == CLAMD_CLEAN)
        answer = clamd_reply(reply, text);
    else
        text_string(text, answer == CLAMD_TIMED_OUT ? "clamd took too long"
                          : answer == CLAMD_AWAY    ? "clamd hung up"
                                                    : "clamd's answer is too long");
    if (answer == CLAMD_CLEAN && sent != SENT_ALL) {
        text_string(text, "clamd answered before it had the file");
        answer = CLAMD_FAILED;
    }
    return answer;
}

static enum clamd_answer scan_once(struct clamd *c, int fd, bool may_pass, bool *passed, int64_t deadline_ms,
                                   struct text *text)
{
    struct address *a = NULL;
    int to = connect_any(c, deadline_ms, &a);

    if (to < 0) {
        text_string(text, "no clamd takes a connection");
        return CLAMD_AWAY;
    }
    *passed = may_pass && a->local;
    enum sent sent = *passed ? send_descriptor(to, fd, deadline_ms) : send_stream(to, fd, deadline_ms);
    enum clamd_answer answer = conclude(to, sent, deadline_ms, text);
    close(to);
    return answer;
}

enum clamd_answer clamd_scan(struct clamd *c, int fd, unsigned timeout_ms, struct text *text)
{
    int64_t deadline = now_ms() + timeout_ms;
    struct text empty = *text;
    bool passed = false;
    enum clamd_answer answer = scan_once(c, fd, true, &passed, deadline, text);

    /* It may be forbidden to open what it was passed (AppArmor): then it is given the bytes. */
    if (answer == CLAMD_FAILED && passed) {
        *text = text_over(empty.at, empty.size);
        answer = scan_once(c, fd, false, &passed, deadline, text);
    }
    return answer;
}

/* ---- version ---- */

enum clamd_answer clamd_version(struct clamd *c, unsigned timeout_ms, struct text *text)
{
    int64_t deadline = now_ms() + timeout_ms;
    char bytes[REPLY_BYTES];
    struct view reply;
    struct address *a = NULL;
    int fd = connect_any(c, deadline, &a);

    if (fd < 0) {
        text_string(text, "no clamd takes a connection");
        return CLAMD_AWAY;
    }
    enum sent sent = send_all(fd, VIEW("zVERSION\0"), deadline);
    enum clamd_answer answer =
        sent == SENT_TIMED_OUT ? CLAMD_TIMED_OUT : receive(fd, deadline, bytes, &reply);
    close(fd);
    if (answer == CLAMD_CLEAN && !view_starts(reply, VIEW("ClamAV ")))
        answer = CLAMD_FAILED;
    if (answer == CLAMD_CLEAN)
        text_printable(text, reply);
    else
        text_string(text, answer == CLAMD_TIMED_OUT ? "clamd took too long"
                          : answer == CLAMD_AWAY    ? "clamd hung up"
                                                    : "what answers is not clamd");
    return answer;
}

int64_t clamd_signature_time(struct view version)
{
    char date[40];
    struct tm tm = { .tm_isdst = -1 };

    for (unsigned i = 0; i < 2; i++)
        (void)view_token(&version, '/');
    if (version.len == 0 || version.len >= sizeof date)
        return 0;
    memcpy(date, version.at, version.len);
    date[version.len] = '\0';
    const char *rest = strptime(date, "%a %b %d %H:%M:%S %Y", &tm);
    if (rest == NULL || rest[0] != '\0')
        return 0;
    time_t made = mktime(&tm); /* clamd tells local time */
    return made > 0 ? (int64_t)made : 0;
}
