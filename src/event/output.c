/* SPDX-License-Identifier: Apache-2.0 */
/* What all outputs share: specifications, and how going down and coming up are told. */
#include "event/output.h"
#include "base/log.h"
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
