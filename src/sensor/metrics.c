/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP listener: GET and HEAD of /metrics and /healthz, nothing else, and nothing else is told.
 *
 * libmicrohttpd speaks HTTP; the thread, the listening socket and the time are ours. So connections are taken
 * as fast as they come, also those that are one too many and are closed at once, and each ends after
 * CONNECTION_MS: the library's time-out counts from the last byte, which somebody who sends a byte now and
 * then never meets; ours counts from the first. A connection carries one request.
 */
#include "base/listen.h"
#include "base/thread.h"
#include "sensor/server.h"
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CONNECTIONS = 32,
    CONNECTIONS_OF_ONE = 8, /* address */
    SILENT_S = 5,
    CONNECTION_MS = 10000,
    REQUEST_BYTES = 8192, /* a connection's memory: its request with all headers must fit */
    GONE_MS = 200,        /* before we look whether the client is still there */
    ROUND_MS = 500,
    ACCEPTS = 256, /* at a time */
};

struct metrics {
    struct MHD_Daemon *daemon;
    struct control_calls calls;
    pthread_t thread;
    int fd, wake, library; /* library: to poll for it */
    uint16_t port;
    struct {
        int fd; /* -1: free */
        bool ended;
        uint64_t since_ms;
    } connections[CONNECTIONS];
};

/* ---- answers ---- */

/* Owns `text`, which may be NULL: without memory. */
static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, const char *type, char *text)
{
    struct MHD_Response *r =
        text != NULL ? MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE) : NULL;

    if (r == NULL) {
        free(text);
        return MHD_NO;
    }
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return result;
}

static const char plain[] = "text/plain; charset=utf-8";

static void tell_rules(void *to, const struct rules *r)
{
    char **text = to;

    *text = rules_prometheus(r);
}

/* The state of the sensor, then that of the rules. NULL without memory. */
static char *metrics_text(const struct control_calls *calls, const struct sensor_status *s)
{
    char *status = status_prometheus(s), *rules = NULL, *both = NULL;

    calls->rules(calls->context, tell_rules, &rules);
    if (status != NULL && rules != NULL && asprintf(&both, "%s%s", status, rules) < 0)
        both = NULL;
    free(status);
    free(rules);
    return both;
}

static enum MHD_Result answer_metrics(struct metrics *m, struct MHD_Connection *c)
{
    struct sensor_status s;

    server_status(&m->calls, &s);
    return answer(c, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", metrics_text(&m->calls, &s));
}

static enum MHD_Result answer_health(struct metrics *m, struct MHD_Connection *c)
{
    struct sensor_status s;
    char why[256], line[258];

    server_status(&m->calls, &s);
    bool well = status_is_healthy(&s, why);
    snprintf(line, sizeof line, "%s\n", why);
    return answer(c, well ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, plain, strdup(line));
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
    struct metrics *m = context;

    (void)version;
    (void)upload;
    (void)upload_size;
    (void)state;
    if (m->calls.counts != NULL)
        m->calls.counts->scrapes++;
    bool metrics = strcmp(url, "/metrics") == 0;
    if (!metrics && strcmp(url, "/healthz") != 0)
        return answer(c, MHD_HTTP_NOT_FOUND, plain, strdup("there are /metrics and /healthz\n"));
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return answer(c, MHD_HTTP_METHOD_NOT_ALLOWED, plain, strdup("GET or HEAD\n"));
    return metrics ? answer_metrics(m, c) : answer_health(m, c);
}

/* ---- connections; all in our thread ---- */

static void on_connection(void *context, struct MHD_Connection *c, void **state,
                          enum MHD_ConnectionNotificationCode what)
{
    struct metrics *m = context;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    int from = what == MHD_CONNECTION_NOTIFY_STARTED ? -1 : info->connect_fd;

    (void)state;
    for (unsigned i = 0; i < CONNECTIONS; i++)
        if (m->connections[i].fd == from) {
            m->connections[i].fd = from < 0 ? info->connect_fd : -1;
            m->connections[i].since_ms = clock_ms();
            m->connections[i].ended = false;
            return;
        }
}

/* Has the client gone? What it sent last may come together with its leaving, which the library, told once of
 * both, then does not see. */
static bool is_gone(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* Those whose time is over, or that have gone: now the library notices, and closes them. False: there is no
 * connection. */
static bool end_late(struct metrics *m)
{
    uint64_t now_ms = clock_ms();
    bool any = false;

    for (unsigned i = 0; i < CONNECTIONS; i++) {
        any = any || m->connections[i].fd >= 0;
        if (m->connections[i].fd < 0 || m->connections[i].ended)
            continue;
        uint64_t age_ms = now_ms - m->connections[i].since_ms;
        bool late = age_ms > CONNECTION_MS;
        if (!late && (age_ms < GONE_MS || !is_gone(m->connections[i].fd)))
            continue;
        shutdown(m->connections[i].fd, SHUT_RDWR);
        m->connections[i].ended = true;
        if (late && m->calls.counts != NULL)
            m->calls.counts->slow++;
    }
    return any;
}

static void accept_all(struct metrics *m)
{
    for (unsigned i = 0; i < ACCEPTS; i++) {
        struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
        socklen_t size = sizeof peer;
        int fd = accept4(m->fd, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return;
        /* One too many: the library closes it, and says no. */
        (void)MHD_add_connection(m->daemon, fd, (struct sockaddr *)&peer, size);
    }
}

static void *run(void *context)
{
    struct metrics *m = context;
    struct pollfd fds[] = { { .fd = m->wake, .events = POLLIN },
                            { .fd = m->fd, .events = POLLIN },
                            { .fd = m->library, .events = POLLIN } };
    int wait_ms = -1;

    while (fds[0].revents == 0) {
        if (poll(fds, 3, wait_ms) < 0)
            continue;
        if (fds[1].revents != 0)
            accept_all(m);
        MHD_run(m->daemon);
        wait_ms = end_late(m) ? ROUND_MS : -1;
    }
    return NULL;
}

static void on_log(void *context, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

static void on_log(void *context, const char *format, va_list args)
{
    char text[256], clean[256];
    struct text t = TEXT(clean);

    (void)context;
    vsnprintf(text, sizeof text, format, args);
    text_printable(&t, view_trim(view_string(text)));
    log_info("metrics_http", "%s", clean);
}

/* ---- the listener ---- */

static void metrics_drop(struct metrics *m)
{
    if (m->daemon != NULL)
        MHD_stop_daemon(m->daemon);
    if (m->fd >= 0)
        close(m->fd);
    if (m->wake >= 0)
        close(m->wake);
    free(m);
}

bool metrics_new(const char *listen_on, const struct control_calls *calls, struct metrics **out,
                 struct imw_error_info *err)
{
    struct metrics *m = calloc(1, sizeof *m);

    if (m == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the metrics listener");
    m->calls = *calls;
    m->fd = m->wake = -1;
    for (unsigned i = 0; i < CONNECTIONS; i++)
        m->connections[i].fd = -1;
    struct listen_at at;
    if (!listen_read(listen_on, "127.0.0.1", "127.0.0.1:9108, [::1]:9108 or 9108", &at, err) ||
        !listen_open(&at, false, listen_on, &m->fd, err)) {
        metrics_drop(m);
        return false;
    }
    m->port = at.port;
    m->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    m->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG | MHD_USE_SUPPRESS_DATE_NO_CLOCK, 0,
        NULL, NULL, on_request, m, MHD_OPTION_EXTERNAL_LOGGER, on_log, m, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)CONNECTIONS_OF_ONE,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SILENT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)REQUEST_BYTES, MHD_OPTION_NOTIFY_CONNECTION, on_connection, m, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        m->daemon != NULL ? MHD_get_daemon_info(m->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (m->wake < 0 || info == NULL) {
        error_file(err, IMW_ERROR_SYSTEM, listen_on, "the HTTP library does not start");
        metrics_drop(m);
        return false;
    }
    m->library = info->epoll_fd;
    if (!thread_start(&m->thread, "metrics", run, m, err)) {
        metrics_drop(m);
        return false;
    }
    *out = m;
    return true;
}

void metrics_free(struct metrics *m)
{
    if (m == NULL)
        return;
    (void)!write(m->wake, &(uint64_t){ 1 }, sizeof(uint64_t));
    pthread_join(m->thread, NULL);
    metrics_drop(m);
}

uint16_t metrics_port(const struct metrics *m)
{
    return m->port;
}
