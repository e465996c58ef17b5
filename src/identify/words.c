/* SPDX-License-Identifier: Apache-2.0 */
/* Names and numbers of the words in words.h, all from their tables. */
#include "identify/words.h"

struct word {
    const char *name;
};

#define NAMED(id, number, name, help) [number] = { name },
static const struct word activities[] = { ACTIVITIES(NAMED) };
static const struct word deliveries[] = { DELIVERIES(NAMED) };
static const struct word classes[] = { SERVICE_CLASSES(NAMED) };
static const struct word roles[] = { SERVER_ROLES(NAMED) };
static const struct word hints[] = { HINTS(NAMED) };
static const struct word anomalies[] = { ANOMALIES(NAMED) };
#undef NAMED
#define NAMED(id, number, name, worth, help) [number] = { name },
static const struct word evidence[] = { EVIDENCE_KINDS(NAMED) };
#undef NAMED
#define NAMED(id, number, name) [number] = { name },
static const struct word protocols[] = { PROTOCOLS(NAMED) };
static const struct word markups[] = { MARKUPS(NAMED) };
static const struct word presences[] = { PRESENCES(NAMED) };
static const struct word who_sources[] = { WHO_SOURCES(NAMED) };
#undef NAMED
#define LISTED(id, number, name, ...) name,
const char *const activity_words[] = { ACTIVITIES(LISTED) NULL };
const char *const delivery_words[] = { DELIVERIES(LISTED) NULL };
const char *const class_words[] = { SERVICE_CLASSES(LISTED) NULL };
const char *const role_words[] = { SERVER_ROLES(LISTED) NULL };
#undef LISTED
#define LISTED(id, number, name) name,
const char *const protocol_words[] = { PROTOCOLS(LISTED) NULL };
#undef LISTED
#define WORTH(id, number, name, worth, help) [number] = worth,
static const uint8_t worth[] = { EVIDENCE_KINDS(WORTH) };
#undef WORTH

static int find(const struct word *words, int count, struct view name)
{
    for (int i = 0; i < count; i++)
        if (words[i].name != NULL && view_equal(view_string(words[i].name), name))
            return i;
    return -1;
}

#define LENGTH(array) (int)(sizeof(array) / sizeof((array)[0]))

const char *activity_name(enum activity a)
{
    return activities[a].name;
}
const char *delivery_name(enum delivery d)
{
    return deliveries[d].name;
}
const char *class_name(enum service_class c)
{
    return classes[c].name;
}
const char *server_role_name(enum server_role r)
{
    return roles[r].name;
}
const char *evidence_name(enum evidence_kind k)
{
    return evidence[k].name;
}
unsigned evidence_worth(enum evidence_kind k)
{
    return worth[k];
}
const char *hint_name(enum hint h)
{
    return hints[h].name;
}
const char *anomaly_name(enum anomaly a)
{
    return anomalies[a].name;
}
const char *markup_name(enum markup m)
{
    return markups[m].name;
}
const char *presence_name(enum presence p)
{
    return presences[p].name;
}
const char *protocol_name(enum protocol p)
{
    return protocols[p].name;
}

const char *who_source_name(enum who_source s)
{
    return who_sources[s].name;
}

int activity_find(struct view name)
{
    return find(activities, LENGTH(activities), name);
}
int delivery_find(struct view name)
{
    return find(deliveries, LENGTH(deliveries), name);
}
int class_find(struct view name)
{
    return find(classes, LENGTH(classes), name);
}
int role_find(struct view name)
{
    return find(roles, LENGTH(roles), name);
}
int protocol_find(struct view name)
{
    return find(protocols, LENGTH(protocols), name);
}
