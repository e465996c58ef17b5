/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaks: confidential data in messages and files. FIL-84-2004 names the loss of customers' data over channels
 * that nobody looks at.
 *
 * What the search found is told in numbers and masks, never in its text. Data that goes out is worse than
 * data that comes in: that one is somebody else's leak, and now ours to keep. Customer data that the
 * institution's own hashes name is proof, and high wherever it goes out; numbers with check digits are right
 * by chance now and then (docs/leaks.md tells how often), so it is their amount that makes them worse. A
 * keyword alone is the least.
 */
#include "base/text.h"
#include "threat/threat.h"
#include <stdlib.h>

enum { SENT, RECEIVED };
enum { LEAST, MANY };
enum { MASKS = 5 };

static const struct threshold thresholds[] = {
    [LEAST] = { "findings", 1, 1, 10000, "findings", "fewer in one text are no alert" },
    [MANY] = { "many", 10, 2, 10000, "numbers", "so many card, account or security numbers are high" },
};

extern const struct detector detector_leaks;

struct leaks {
    uint64_t least, many;
};

static void *start(const struct detector_settings *settings, const struct threat_world *world,
                   struct imw_error_info *err)
{
    struct leaks *l = calloc(1, sizeof *l);

    (void)world;
    if (l == NULL) {
        (void)error_set(err, IMW_ERROR_MEMORY, "no memory for the detector of leaks");
        return NULL;
    }
    l->least = settings->value[LEAST];
    l->many = settings->value[MANY];
    return l;
}

static enum severity severity_of(const struct leaks *l, const unsigned by_kind[LEAK_KIND_COUNT], bool more,
                                 bool outgoing)
{
    unsigned numbers = by_kind[LEAK_CARD] + by_kind[LEAK_SSN] + by_kind[LEAK_IBAN] + by_kind[LEAK_ABA];
    unsigned own = by_kind[LEAK_PATTERN] + by_kind[LEAK_BIC];

    if (by_kind[LEAK_EXACT] > 0 || numbers >= l->many || (numbers > 0 && more))
        return outgoing ? SEVERITY_HIGH : SEVERITY_MEDIUM;
    return (numbers > 0 || own > 0) && outgoing ? SEVERITY_MEDIUM : SEVERITY_LOW;
}

/* "12 card, 1 keyword" */
static void put_counts(struct text *t, const unsigned by_kind[LEAK_KIND_COUNT], unsigned untold)
{
    unsigned parts = 0;

    for (unsigned k = 0; k < LEAK_KIND_COUNT; k++)
        if (by_kind[k] > 0)
            text_format(t, "%s%u %s", parts++ > 0 ? ", " : "", by_kind[k], leak_kind_name((enum leak_kind)k));
    if (untold > 0)
        text_format(t, "%s%u more", parts > 0 ? ", " : "", untold);
}

/* "card visa ************1111, ..." */
static void put_masks(struct text *t, const struct leaked *l)
{
    for (unsigned i = 0; i < l->told && i < MASKS; i++)
        text_format(t, "%s%s%s%s %s", i > 0 ? ", " : "", leak_kind_name(l->finding[i].kind),
                    l->finding[i].name[0] != '\0' ? " " : "", l->finding[i].name, l->finding[i].masked);
}

static void on_leaks(void *state, struct threats *t, const struct scene *s, const struct leaked *l)
{
    const struct carried_message *m = l->message;
    const struct carried_file *f = l->file;
    unsigned by_kind[LEAK_KIND_COUNT] = { 0 };
    char seen[384], counts[256], masks[384], from[96], to[96], name[128], subject[256];
    struct text seen_text = TEXT(seen), counts_text = TEXT(counts), masks_text = TEXT(masks);
    struct text from_text = TEXT(from), to_text = TEXT(to), name_text = TEXT(name),
                subject_text = TEXT(subject);

    if (l->count < ((const struct leaks *)state)->least || (m == NULL && f == NULL))
        return;
    for (unsigned i = 0; i < l->told; i++)
        by_kind[l->finding[i].kind]++;
    bool outgoing = m != NULL ? m->outgoing : f->outgoing;
    struct view receiver = m != NULL ? m->to : f->to, room = m != NULL ? m->room : f->room;
    text_printable(&from_text, m != NULL ? m->from : f->from);
    text_printable(&to_text, receiver.len > 0 ? receiver : room);
    put_counts(&counts_text, by_kind, l->count - l->told);
    put_masks(&masks_text, l);
    if (f != NULL) {
        text_printable(&name_text, f->name);
        text_format(&seen_text, "in the file \"%s\" %s: ", name, outgoing ? "sent" : "received");
    } else {
        text_format(&seen_text, "in a message %s: ", outgoing ? "sent" : "received");
    }
    text_string(&seen_text, counts);
    /* The same pair again and again is one case; another kind of data is another. */
    text_format(&subject_text, "%s %s %u", from, to,
                l->told > 0 ? (unsigned)l->finding[0].kind : (unsigned)LEAK_KIND_COUNT);
    struct alert a = {
        .detector = &detector_leaks,
        .kind = outgoing ? SENT : RECEIVED,
        .severity = severity_of(state, by_kind, l->count > l->told, outgoing),
        .title = outgoing ? "confidential data sent over instant messaging"
                          : "confidential data received over instant messaging",
        .seen = seen,
        .why = outgoing ? "customers' data leaves by a channel that the institution does not control"
                        : "others' data is here now, by a channel that nobody watches over",
        .advice = outgoing ? "ask the sender what it was and for whom; follow the plan for loss of data"
                           : "tell the sender of a safe way; see that the data is not kept",
        .evidence = { { "findings", counts },
                      { "masked", masks },
                      { "from", from },
                      { "to", to },
                      { "file", name } },
        .evidence_count = f != NULL ? 5 : 4,
        .subject = subject,
    };
    threats_raise(t, s, &a);
}

const struct detector detector_leaks = {
    .name = "leaks",
    .id = 4200,
    .help = "confidential data in messages and files",
    .thresholds = thresholds,
    .threshold_count = sizeof thresholds / sizeof thresholds[0],
    .start = start,
    .stop = free,
    .on_leaks = on_leaks,
};
