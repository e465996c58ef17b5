/* SPDX-License-Identifier: Apache-2.0 */
/* What all outputs share: specifications, and how going down and coming up are told. */
#include "event/output.h"
#include "base/log.h"
#include "event/peer.h"
#include <stdarg.h>
#include <stdio.h>

bool output_new(const char *spec, const struct event_writer_config *config, struct output **out,
                struct imw_error_info *err)
{
    struct view v = view_string(spec);
    const char *rest = strchr(spec, ':');
    bool ok;

    if (view_starts(v, VIEW("syslog:")))
        ok = output_syslog_new(rest + 1, out, err);
    else if (view_starts(v, VIEW("unix:")))
        ok = output_unix_new(rest + 1, out, err);
    else if (view_starts(v, VIEW("collector:")))
        ok = output_collector_new(rest + 1, out, err);
    else
        ok = output_file_new(view_starts(v, VIEW("file:")) ? rest + 1 : spec, config, out, err);
    if (!ok)
        return false;
    struct text name = TEXT((*out)->name);
    text_printable(&name, view_string(spec));
    return true;
}

void output_down(struct output *o, const char *format, ...)
{
    char text[sizeof o->error];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (o->up || o->error[0] == '\0') {
        o->lost_before = o->lost;
        log_error("output_down",
                  "output=%s error=\"%s\": events for it are kept up to a limit, then lost; tried "
                  "again until it works",
                  o->name, text);
    }
    o->up = false;
    memcpy(o->error, text, sizeof text);
}

void output_up(struct output *o)
{
    if (o->up)
        return;
    if (o->error[0] != '\0')
        log_warning("output_up", "output=%s lost_events=%llu meanwhile", o->name,
                    (unsigned long long)(o->lost - o->lost_before));
    o->up = true;
    o->error[0] = '\0';
}

bool output_copy(struct view v, char *out, size_t size)
{
    if (v.len >= size)
        return false;
    memcpy(out, v.at, v.len);
    out[v.len] = '\0';
    return true;
}

bool output_host(struct view v, const char *usual_port, struct peer_config *c, struct imw_error_info *err)
{
    struct view port = view_string(usual_port);
    struct view host;
    uint64_t number;

    if (v.len > 0 && v.at[0] == '[') {
        size_t end = view_find_byte(v, ']', 0);
        if (end == v.len)
            return error_set(err, IMW_ERROR_VALUE, "output: '%.*s' wants a ]", (int)v.len, v.at);
        host = view_slice(v, 1, end);
        v = view_from(v, end + 1);
    } else {
        size_t end = view_find_byte(v, ':', 0);
        host = view_slice(v, 0, end);
        v = view_from(v, end);
    }
    if (v.len > 0)
        port = view_from(v, 1);
    if (v.len > 0 && (v.at[0] != ':' || !view_decimal(port, 65535, &number) || number == 0))
        return error_set(err, IMW_ERROR_VALUE,
                         "output: ':' and a port from 1 to 65535 is wanted, not '%.*s' (IPv6 as [::1]:514)",
                         (int)v.len, v.at);
    if (host.len == 0 || !output_copy(host, c->host, sizeof c->host) ||
        !output_copy(port, c->port, sizeof c->port))
        return error_set(err, IMW_ERROR_VALUE, "output: a host is wanted before :PORT");
    return true;
}
