/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Music and films over IM. FIL-84-2004 names the exchange of copyrighted material, for which the institution
 * may have to answer.
 *
 * Reasoning. A list of hashes names works (policy: scan, media_hashes); a file that it names is high. Without
 * a list, a recording is known by its type and size only: sound or film of `size` or more, at working hours,
 * is low. What people record themselves is short; a song is 3 MB or more. Type by content where the file was
 * scanned, else by the extension.
 *
 * Hours are the traffic's, at a fixed distance from UTC (`east`), since time zones of a capture are not
 * known. As usual all hours count.
 *
 * Cannot know: who owns a recording, or whether its licence allows this; a work encoded anew has another
 * hash.
 */
#include "threat/aid.h"
#include <stdlib.h>

enum { WORK, RECORDING };
enum { SIZE_KB, FROM_HOUR, TO_HOUR, EAST_HOURS, WEEKEND, THRESHOLDS };

static const struct threshold thresholds[] = {
    [SIZE_KB] = { "size", 2048, 1, 1 << 30, "KiB", "sound and film from this size on" },
    [FROM_HOUR] = { "from", 0, 0, 23, "hour", "working time begins" },
    [TO_HOUR] = { "to", 24, 1, 24, "hour", "and ends" },
    [EAST_HOURS] = { "east", 0, 0, 23, "hours", "local time is this much ahead of UTC (west: 24 less)" },
    [WEEKEND] = { "weekend", 1, 0, 1, "yes", "Saturday and Sunday count too" },
};

extern const struct detector detector_media;

struct media {
    uint64_t value[DETECTOR_THRESHOLDS];
};

static void *start(const struct detector_settings *settings, const struct threat_world *world,
                   struct imw_error_info *err)
{
    struct media *m = calloc(1, sizeof *m);

    (void)world;
    if (m == NULL)
        (void)error_set(err, IMW_ERROR_MEMORY, "no memory for the detector of media");
    else
        memcpy(m->value, settings->value, sizeof m->value);
    return m;
}

static bool at_work(const struct media *m, uint64_t time_us)
{
    uint64_t hours = time_us / 1000000 / 3600 + m->value[EAST_HOURS];
    uint64_t day = (hours / 24 + 4) % 7, hour = hours % 24; /* 1970 began on a Thursday; 0 is Sunday */

    return hour >= m->value[FROM_HOUR] && hour < m->value[TO_HOUR] &&
           (m->value[WEEKEND] != 0 || (day != 0 && day != 6));
}

static bool is_recording(struct view name, const struct scan_result *scan)
{
    static const char *const extensions[] = { ".mp3", ".m4a",  ".flac", ".ogg", ".wma", ".aac",
                                              ".wav", ".mp4",  ".avi",  ".mkv", ".mov", ".wmv",
                                              ".mpg", ".mpeg", ".webm", ".m4v" };

    if (scan != NULL && scan->media_type[0] != '\0') {
        struct view type = view_string(scan->media_type);
        return view_starts(type, VIEW("audio/")) || view_starts(type, VIEW("video/"));
    }
    for (unsigned i = 0; i < sizeof extensions / sizeof extensions[0]; i++) {
        struct view e = view_string(extensions[i]);
        if (name.len > e.len && view_equal_nocase(view_from(name, name.len - e.len), e))
            return true;
    }
    return false;
}

static void on_file(void *state, struct threats *t, const struct scene *s, const struct carried_file *f)
{
    const struct media *m = state;
    bool work = f->scan != NULL && f->scan->media_work[0] != '\0';
    char hash[2 * SHA256_BYTES + 1];
    struct text hash_text = TEXT(hash);
    struct report r;

    if (s->flow == NULL)
        return;
    if (!work &&
        (f->size < m->value[SIZE_KB] * 1024 || !is_recording(f->name, f->scan) || !at_work(m, s->time_us)))
        return;
    if (f->sha256 != NULL)
        text_hex(&hash_text, view_of(f->sha256, SHA256_BYTES));
    report_begin(
        &r, &detector_media, work ? WORK : RECORDING, work ? SEVERITY_HIGH : SEVERITY_LOW,
        work ? "copyrighted work sent over instant messaging" : "recording sent over instant messaging",
        work ? "its hash is on the institution's list of works"
             : "music and films are seldom the sender's to give away",
        work ? "have both sides delete it; keep the event" : "ask what it is, where that is the policy");
    if (work)
        report_seen(&r, "the file \"%s\" is \"%s\"", show_text(f->name).text,
                    show_text(view_string(f->scan->media_work)).text);
    else
        report_seen(&r, "the file \"%s\" of %llu bytes, %s", show_text(f->name).text,
                    (unsigned long long)f->size,
                    f->scan != NULL && f->scan->media_type[0] != '\0' ? f->scan->media_type
                                                                      : "a recording by its name");
    report_evidence(&r, "file", "%s", show_text(f->name).text);
    report_evidence(&r, "sha256", "%s", hash);
    report_evidence(&r, "from", "%s", show_text(f->from).text);
    report_evidence(&r, "to", "%s", show_text(f->to.len > 0 ? f->to : f->room).text);
    report_ends(&r, s);
    report_subject(&r, "%s", hash[0] != '\0' ? hash : show_text(f->name).text);
    report_raise(&r, t, s);
}

const struct detector detector_media = {
    .name = "media",
    .id = 5700,
    .help = "copyrighted works by hash, large recordings by type",
    .thresholds = thresholds,
    .threshold_count = THRESHOLDS,
    .start = start,
    .stop = free,
    .on_file = on_file,
};
