/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the helper for the text of a document, and bounds what comes back. */
#include "content/document.h"
#include "base/text.h"
#include "content/document_wire.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { GRACE_MS = 3000 }; /* that the helper has to say that a child took too long */

struct documents {
    int socket;
};

const char *document_answer_text(enum document_answer a)
{
    static const char *const texts[] = { [DOCUMENT_CUT] = "more text than is searched",
                                         [DOCUMENT_ENCRYPTED] = "encrypted",
                                         [DOCUMENT_FAILED] = "the document cannot be read" };

    return texts[a];
}

extern char **environ;

static bool spawn(int theirs, struct imw_error_info *err)
{
    char *const argv[] = { "imward", DOCUMENT_COMMAND, NULL };
    posix_spawn_file_actions_t actions;
    pid_t helper;
    int wrong = posix_spawn_file_actions_init(&actions);

    if (wrong == 0) {
        wrong = posix_spawn_file_actions_adddup2(&actions, theirs, STDIN_FILENO);
        if (wrong == 0)
            wrong = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
        if (wrong == 0)
            wrong = posix_spawn(&helper, "/proc/self/exe", &actions, NULL, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    return wrong == 0 ||
           error_set(err, IMW_ERROR_SYSTEM, "cannot start the reader of documents: %s", strerror(wrong));
}

bool documents_new(struct documents **out, struct imw_error_info *err)
{
    struct documents *d = calloc(1, sizeof *d);
    int pair[2];

    if (d == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the reader of documents");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        free(d);
        return error_errno(err, "reader of documents");
    }
    d->socket = pair[0];
    bool ok = spawn(pair[1], err);
    close(pair[1]);
    if (ok) {
        *out = d;
        return true;
    }
    close(d->socket);
    free(d);
    return false;
}

void documents_free(struct documents *d)
{
    if (d == NULL)
        return;
    close(d->socket); /* which ends the helper; waiting for that is a call that the sensor may not make */
    free(d);
}

/* ---- one document ---- */

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static bool send_request(const struct documents *d, const struct document_request *request, int document,
                         int answer)
{
    int fds[2] = { document, answer };
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof fds)] = { 0 };
    struct iovec part = { (void *)(uintptr_t)request, sizeof *request };
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
    };
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);

    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof fds);
    memcpy(CMSG_DATA(head), fds, sizeof fds);
    ssize_t n;
    do
        n = sendmsg(d->socket, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof *request;
}

/* All of it before the deadline. */
static bool receive(int fd, void *to, size_t size, uint64_t deadline)
{
    for (size_t done = 0; done < size;) {
        uint64_t now = now_ms();
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int ready = now < deadline ? poll(&p, 1, (int)(deadline - now)) : 0;
        if (ready == 0 || (ready < 0 && errno != EINTR))
            return false;
        ssize_t n = ready > 0 ? read(fd, (uint8_t *)to + done, size - done) : 0;
        if (ready > 0 && (n == 0 || (n < 0 && errno != EINTR)))
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static enum document_answer take_answer(int fd, uint64_t most, uint64_t deadline, document_text *text,
                                        void *context, struct imw_error_info *err)
{
    uint8_t bytes[DOCUMENT_FRAME_MOST];
    struct document_frame frame;

    while (receive(fd, &frame, sizeof frame, deadline) && frame.length <= sizeof bytes &&
           receive(fd, bytes, frame.length, deadline)) {
        struct view v = view_of(bytes, frame.length);
        if (frame.kind == DOCUMENT_END && frame.answer <= DOCUMENT_FAILED) {
            char why[200];
            struct text t = TEXT(why);
            text_printable(&t, v);
            (void)error_set(err, IMW_ERROR_FORMAT, "%s", why);
            return (enum document_answer)frame.answer;
        }
        if (frame.kind != DOCUMENT_TEXT || frame.length > most)
            break;
        most -= frame.length;
        text(context, v);
    }
    (void)error_set(err, IMW_ERROR_SYSTEM, "the reader of documents does not answer");
    return DOCUMENT_FAILED;
}

enum document_answer document_read(struct documents *d, int fd, const char *media_type, uint64_t most_bytes,
                                   unsigned timeout_ms, document_text *text, void *context,
                                   struct imw_error_info *err)
{
    struct document_request request = { .most_bytes = most_bytes, .timeout_ms = timeout_ms };
    struct text type = TEXT(request.media_type);
    enum document_answer answer = DOCUMENT_FAILED;
    int answers[2];

    text_string(&type, media_type);
    if (pipe2(answers, O_CLOEXEC) != 0) {
        (void)error_errno(err, "reader of documents");
        return DOCUMENT_FAILED;
    }
    bool sent = send_request(d, &request, fd, answers[1]);
    close(answers[1]);
    if (sent)
        answer = take_answer(answers[0], most_bytes, now_ms() + timeout_ms + GRACE_MS, text, context, err);
    else
        (void)error_set(err, IMW_ERROR_SYSTEM, "the reader of documents is gone");
    close(answers[0]);
    return answer;
}
