/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of the control socket: one connection a request, its answer one line. */
#include "base/json_value.h"
#include "sensor/control.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    ANSWER_BYTES = 1 << 20, /* a status with all it may hold has some 30 KiB */
    ANSWER_WAIT_S = 60,     /* a reload may compile a catalog */
    TAKE_WAIT_S = 5,        /* for the server to take the request */
};

/* What to do about a sensor that cannot be reached. */
static bool no_sensor(struct imw_error_info *err, const char *path)
{
    switch (errno) {
    case ENOENT:
        return error_file(err, IMW_ERROR_SYSTEM, path,
                          "no sensor runs there; start one (systemctl start imward-watch, or imward watch), "
                          "or name its socket with --socket");
    case ECONNREFUSED:
        return error_file(err, IMW_ERROR_SYSTEM, path,
                          "the sensor that made this socket has ended; start it again "
                          "(systemctl start imward-watch, or imward watch)");
    case EACCES:
    case EPERM:
        return error_file(err, IMW_ERROR_SYSTEM, path,
                          "no permission: be root, the sensor's user, or in the socket's group");
    case EAGAIN:
        return error_file(err, IMW_ERROR_SYSTEM, path, "the sensor is busy with other clients; try again");
    default: return error_errno(err, path);
    }
}

static bool send_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t n = send(fd, text, length, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return false;
        text += n > 0 ? n : 0;
        length -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

bool control_question_begin(struct control_question *q, const char *path, const char *request,
                            struct imw_error_info *err)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct timeval wait = { .tv_sec = TAKE_WAIT_S };
    size_t length = strlen(path);

    *q = (struct control_question){ .fd = -1 };
    if (length >= sizeof address.sun_path)
        return error_file(err, IMW_ERROR_VALUE, path, "is too long for a socket: at most %zu bytes",
                          sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, length);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_errno(err, path);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait); /* connect() heeds it too */
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        no_sensor(err, path);
        goto failed;
    }
    q->answer = malloc(ANSWER_BYTES + 1);
    if (q->answer == NULL) {
        error_set(err, IMW_ERROR_MEMORY, "no memory for the sensor's answer");
        goto failed;
    }
    /* A server that sends us away may have closed already: its answer is there all the same. */
    if ((!send_all(fd, request, strlen(request)) || !send_all(fd, "\n", 1)) && errno != EPIPE) {
        no_sensor(err, path);
        goto failed;
    }
    q->fd = fd;
    return true;

failed:
    free(q->answer);
    q->answer = NULL;
    close(fd);
    return false;
}

void control_question_end(struct control_question *q)
{
    if (q->fd >= 0)
        close(q->fd);
    free(q->answer);
    *q = (struct control_question){ .fd = -1 };
}

enum control_progress control_question_more(struct control_question *q, char **out_answer,
                                            struct imw_error_info *err)
{
    ssize_t n = recv(q->fd, q->answer + q->len, ANSWER_BYTES - q->len, MSG_DONTWAIT);
    int why = errno;

    if (n < 0 && (why == EAGAIN || why == EINTR))
        return CONTROL_WAIT;
    if (n > 0) {
        struct view fresh = view_of(q->answer + q->len, (size_t)n);
        size_t end = q->len + view_find_byte(fresh, '\n', 0);
        q->len += (size_t)n;
        if (end == q->len && q->len < ANSWER_BYTES)
            return CONTROL_WAIT;
        if (end < q->len) {
            q->answer[end] = '\0';
            *out_answer = q->answer;
            q->answer = NULL;
            control_question_end(q);
            return CONTROL_ANSWER;
        }
        error_set(err, IMW_ERROR_FORMAT, "the sensor's answer is longer than %d bytes", ANSWER_BYTES);
    } else {
        error_set(err, IMW_ERROR_SYSTEM, "the sensor ended the connection without an answer%s%s",
                  n < 0 ? ": " : "", n < 0 ? strerror(why) : "");
    }
    control_question_end(q);
    return CONTROL_FAILED;
}

bool control_ask(const char *path, const char *request, char **out_answer, struct imw_error_info *err)
{
    struct control_question q;
    enum control_progress progress = CONTROL_WAIT;
    time_t until = time(NULL) + ANSWER_WAIT_S;

    if (!control_question_begin(&q, path, request, err))
        return false;
    while (progress == CONTROL_WAIT) {
        struct pollfd fd = { .fd = q.fd, .events = POLLIN };
        if (time(NULL) >= until) {
            control_question_end(&q);
            return error_file(err, IMW_ERROR_LIMIT, path, "the sensor did not answer within %d s",
                              ANSWER_WAIT_S);
        }
        if (poll(&fd, 1, 1000) > 0)
            progress = control_question_more(&q, out_answer, err);
    }
    return progress == CONTROL_ANSWER;
}

json_t *control_answer(const char *answer, struct imw_error_info *err)
{
    json_t *object = json_loads(answer, 0, NULL);
    const char *error = json_string_value(json_object_get(object, "error"));

    if (json_is_true(json_object_get(object, "ok")))
        return object;
    error_set(err, IMW_ERROR_VALUE, "%s", error != NULL ? error : "the answer is not that of a sensor");
    json_decref(object);
    return NULL;
}
