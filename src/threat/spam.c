/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spam over instant messaging: one account writes to many people who do not know it, and who do not answer.
 *
 * Reasoning. A message alone does not tell; how people take it does. Counted are receivers to whom the sender
 * writes for the first time: neither has the other in the buddy list, and neither wrote to the other before.
 * When `patience` has passed and `receivers` of them have not answered, those who did are at most `answered`,
 * and at least `pushing` of the messages hold a link or repeat the one before, it is spam. Greetings to all
 * friends and links among colleagues go to people who know the sender, or are answered. Our own accounts are
 * told of at twice the number, since a bot of the house starts like that; the list "senders" names those that
 * may.
 *
 * What it cannot know: buddy lists that it has not seen, and what was written before it looked (on the first
 * day all are strangers); answers by another way; encrypted messages; spam in rooms; a sender with many
 * accounts.
 */
#include "base/hash.h"
#include "threat/aid.h"
#include "threat/list_file.h"
#include "threat/party.h"
#include "threat/wording.h"
#include <stdlib.h>

enum { FROM_STRANGER, FROM_OURS };
enum { SENDERS };
enum { RECEIVERS, PATIENCE_S, WINDOW_S, ANSWERED, PUSHING, THRESHOLDS };

static const struct threshold thresholds[] = {
    /* A salesman writes to three or four of one house; bulk goes to whole lists. */
    [RECEIVERS] = { "receivers", 6, 3, 16, "receivers", "strangers who do not answer" },
    [PATIENCE_S] = { "patience", 600, 10, 86400, "seconds", "time that people have to answer" },
    [WINDOW_S] = { "window", 7200, 60, 604800, "seconds", "in which all of it happens" },
    [ANSWERED] = { "answered", 10, 0, 100, "percent",
                   "of them may answer, and one (scolding, or asking back)" },
    [PUSHING] = { "pushing", 60, 0, 100, "percent", "of the messages with a link, or like the one before" },
};
static const struct detector_list lists[] = {
    [SENDERS] = { "senders", "accounts that may write to many: bots of the house, one a line" },
};

extern const struct detector detector_spam;

enum {
    ACCOUNTS = 1 << 12,
    PAIRS = 1 << 17,
    WAYS = 8,
    STRANGERS = 64, /* of one sender, that are kept */
    ALIKE = 60,     /* percent of words, for a message that repeats */
    ALLOWED = 10000,
    LOOK_US = 60000000, /* senders are looked at as often */
};

struct sender {
    uint64_t key, first_us, last_us;
    struct {
        uint64_t who, us;
        bool answered;
    } stranger[STRANGERS];
    struct wording last;
    unsigned strangers, messages, pushing, links;
    bool inside, told;
    char name[PARTY_NAME_BYTES];
};

/* Two who know each other: one wrote to the other, or has the other in the list. */
struct pair {
    uint64_t key, us;
};

struct spam {
    uint64_t value[THRESHOLDS];
    uint64_t looked_us, forgotten;
    uint64_t *allowed; /* hashes of accounts, rising */
    unsigned allowed_count;
    struct sender sender[ACCOUNTS];
    struct pair pair[PAIRS];
};

static bool add_allowed(void *context, struct view line, unsigned number, const char **out_why)
{
    struct spam *sp = context;

    (void)number;
    *out_why = "more than 10,000 accounts";
    if (sp->allowed_count == ALLOWED)
        return false;
    sp->allowed[sp->allowed_count++] = hash_folded(line);
    return true;
}

static int order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static bool is_allowed(const struct spam *sp, struct view account)
{
    uint64_t hash = hash_folded(account);
    return sp->allowed_count > 0 &&
           bsearch(&hash, sp->allowed, sp->allowed_count, sizeof hash, order) != NULL;
}

static void stop(void *state)
{
    struct spam *sp = state;

    free(sp->allowed);
    free(sp);
}

static void *start(const struct detector_settings *settings, const struct threat_world *world,
                   struct imw_error_info *err)
{
    struct spam *sp = calloc(1, sizeof *sp); /* touched as it is used */

    (void)world;
    if (sp == NULL || (sp->allowed = calloc(ALLOWED, sizeof *sp->allowed)) == NULL) {
        (void)error_set(err, IMW_ERROR_MEMORY, "no memory for the detector of spam");
        free(sp);
        return NULL;
    }
    memcpy(sp->value, settings->value, sizeof sp->value);
    if (settings->path[SENDERS] != NULL && !list_file_read(settings->path[SENDERS], add_allowed, sp, err)) {
        stop(sp);
        return NULL;
    }
    if (sp->allowed_count > 0)
        qsort(sp->allowed, sp->allowed_count, sizeof sp->allowed[0], order);
    return sp;
}

/* ---- who knows whom ---- */

static struct pair *pair_set(struct spam *sp, uint64_t a, uint64_t b, uint64_t *out_key)
{
    *out_key = hash_words(a, b, 0);
    return &sp->pair[*out_key % (PAIRS / WAYS) * WAYS];
}

static bool has_pair(struct spam *sp, uint64_t a, uint64_t b)
{
    uint64_t key;
    const struct pair *set = pair_set(sp, a, b, &key);

    for (unsigned i = 0; i < WAYS; i++)
        if (set[i].key == key)
            return true;
    return false;
}

static void put_pair(struct spam *sp, uint64_t a, uint64_t b, uint64_t now_us)
{
    uint64_t key;
    struct pair *set = pair_set(sp, a, b, &key), *place = set;

    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].key == key) {
            place = &set[i];
            break;
        }
        if (set[i].us < place->us)
            place = &set[i];
    }
    sp->forgotten += place->key != 0 && place->key != key;
    *place = (struct pair){ key, now_us };
}

/* ---- senders ---- */

static struct sender *sender_find(struct spam *sp, uint64_t key)
{
    struct sender *set = &sp->sender[key % (ACCOUNTS / WAYS) * WAYS];

    for (unsigned i = 0; i < WAYS; i++)
        if (set[i].key == key)
            return &set[i];
    return NULL;
}

static struct sender *sender_of(struct spam *sp, const struct party *who, uint64_t now_us)
{
    struct sender *place = sender_find(sp, who->key);

    if (place == NULL) {
        struct sender *set = &sp->sender[who->key % (ACCOUNTS / WAYS) * WAYS];
        place = set;
        for (unsigned i = 1; i < WAYS; i++)
            if (set[i].last_us < place->last_us)
                place = &set[i];
    } else if (now_us <= place->first_us + sp->value[WINDOW_S] * 1000000)
        return place;
    sp->forgotten += place->key != 0 && place->key != who->key;
    *place = (struct sender){ .key = who->key, .first_us = now_us };
    memcpy(place->name, who->name, sizeof place->name);
    return place;
}

static void tell(const struct spam *sp, struct threats *t, const struct scene *s, const struct sender *x,
                 unsigned answered)
{
    char seen[300], receivers[16], answers[16], messages[16], links[16], first[16], forgotten[24];
    struct text forgotten_text = TEXT(forgotten);
    struct text seen_text = TEXT(seen), receivers_text = TEXT(receivers), answers_text = TEXT(answers);
    struct text messages_text = TEXT(messages), links_text = TEXT(links), first_text = TEXT(first);

    text_decimal(&receivers_text, x->strangers);
    text_decimal(&answers_text, answered);
    text_decimal(&messages_text, x->messages);
    text_decimal(&links_text, x->links);
    text_clock(&first_text, x->first_us);
    text_decimal(&forgotten_text, sp->forgotten);
    text_format(&seen_text,
                "%s wrote to %u people who do not know it; %u answered; %u of %u messages with a link",
                x->name, x->strangers, answered, x->links, x->messages);
    threats_raise(t, s,
                  &(struct alert){ .detector = &detector_spam,
                                   .kind = x->inside ? FROM_OURS : FROM_STRANGER,
                                   .severity = x->inside ? SEVERITY_MEDIUM : SEVERITY_LOW,
                                   .title = x->inside ? "account of ours sends spam" : "spam from a stranger",
                                   .seen = seen,
                                   .why = "many first messages, all alike or with links, and nobody answers",
                                   .advice = x->inside ? "ask the user; look at the machine for malware"
                                                       : "block the account; warn who got a link",
                                   .evidence = { { "from", x->name },
                                                 { "receivers", receivers },
                                                 { "answered", answers },
                                                 { "messages", messages },
                                                 { "links", links },
                                                 { "sample", x->last.sample },
                                                 { "first_seen", first },
                                                 { "forgotten", forgotten } },
                                   .evidence_count = 8,
                                   .subject = x->name });
}

/* Is it enough by now? */
static void judge(struct spam *sp, struct threats *t, const struct scene *s, struct sender *x)
{
    unsigned silent = 0, answered = 0, wanted = (unsigned)sp->value[RECEIVERS] * (x->inside ? 2 : 1);

    if (x->told || x->strangers < wanted)
        return;
    for (unsigned i = 0; i < x->strangers; i++) {
        answered += x->stranger[i].answered;
        silent +=
            !x->stranger[i].answered && x->stranger[i].us + sp->value[PATIENCE_S] * 1000000 <= s->time_us;
    }
    bool taken_up = answered > 1 && answered * 100 > sp->value[ANSWERED] * (silent + answered);
    if (silent < wanted || taken_up || x->pushing * 100 < sp->value[PUSHING] * x->messages)
        return;
    x->told = true;
    tell(sp, t, s, x, answered);
}

static void note_answer(struct spam *sp, const struct party *from, const struct party *to)
{
    struct sender *x = sender_find(sp, to->key);

    for (unsigned i = 0; x != NULL && i < x->strangers; i++)
        if (x->stranger[i].who == from->key)
            x->stranger[i].answered = true;
}

static unsigned stranger_of(const struct sender *x, uint64_t who)
{
    unsigned i = 0;

    while (i < x->strangers && x->stranger[i].who != who)
        i++;
    return i;
}

static void on_message(void *state, struct threats *t, const struct scene *s, const struct carried_message *m)
{
    struct spam *sp = state;
    struct party from, to;
    struct wording said;

    if (is_history(s, m) || !party_pair(s, m->from, m->to, m->room, m->outgoing, &from, &to))
        return;
    note_answer(sp, &from, &to);
    bool known = has_pair(sp, from.key, to.key) || has_pair(sp, to.key, from.key);
    put_pair(sp, from.key, to.key, s->time_us);
    if (is_allowed(sp, m->from))
        return;
    struct sender *x = sender_of(sp, &from, s->time_us);
    unsigned place = stranger_of(x, to.key);
    x->last_us = s->time_us;
    if (m->outgoing)
        x->inside = true;
    if (place == x->strangers && (known || x->strangers == STRANGERS))
        return;
    if (place < x->strangers) { /* the receiver's leg of the same, or one more to the same */
        judge(sp, t, s, x);
        return;
    }
    x->stranger[place].who = to.key;
    x->stranger[place].us = s->time_us;
    x->stranger[place].answered = false;
    x->strangers++;
    struct view names[] = { m->to, m->from, m->display };
    wording_of(m->text, names, sizeof names / sizeof names[0], &said);
    bool repeats = x->messages > 0 && said.words >= 3 && wording_alike(&said, &x->last) >= ALIKE;
    x->messages++;
    x->links += said.links > 0;
    x->pushing += said.links > 0 || repeats;
    x->last = said;
    judge(sp, t, s, x);
}

static void on_contact(void *state, struct threats *t, const struct scene *s, const struct im_contact *c)
{
    struct spam *sp = state;
    struct party user, peer;

    (void)t;
    if (!c->removed && party_of(s, c->account, true, &user) && party_of(s, c->peer, false, &peer))
        put_pair(sp, user.key, peer.key, s->time_us);
}

/* Who went silent after the last message is judged as time goes on; then the alert is about no flow. */
static void on_time(void *state, struct threats *t, uint64_t now_us)
{
    struct spam *sp = state;
    const struct scene s = { .time_us = now_us };

    if (now_us < sp->looked_us + LOOK_US)
        return;
    sp->looked_us = now_us;
    for (unsigned i = 0; i < ACCOUNTS; i++)
        if (sp->sender[i].key != 0)
            judge(sp, t, &s, &sp->sender[i]);
}

const struct detector detector_spam = {
    .name = "spam",
    .id = 4400,
    .help = "one account writes to many who do not know it and do not answer",
    .thresholds = thresholds,
    .threshold_count = THRESHOLDS,
    .lists = lists,
    .list_count = sizeof lists / sizeof lists[0],
    .start = start,
    .stop = stop,
    .on_message = on_message,
    .on_contact = on_contact,
    .on_time = on_time,
};
