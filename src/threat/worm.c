/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worms that spread over buddy lists: an infected program sends a link, a file or a text to everybody in its
 * list, and who falls for it does the same. Described by CERT incident note IN-2002-03 (social engineering
 * over IRC and IM) and FIL-84-2004; Kelvir, Bropia and Koobface went that way.
 *
 * Reasoning. What is sent is a lure: a file by its SHA-256, a link by host and path, a text by its words
 * (threat/wording.h). Of each lure it is kept who had it, from whom first, and to whom it was sent on. One
 * account that sends the same to many is no worm: people greet, bots announce. A worm is told by what the
 * receivers do:
 *     - `forwards` of them send it on within `reaction` of getting it, which is sooner than people read and
 *       copy a message; all within three times that. Either one account sends at a machine's pace (`buddies`
 *       different ones, `pace` each), or it is a link or file and a receiver's receiver has sent it on;
 *     - one account sends at a machine's pace, and `victims` receivers send it on to at least two others, at
 * a machine's pace too;
 *     - a worm that waits between its messages, and whose receivers wait, is known by its chain alone, and
 *       only by a link or a file: one account sends to `slow_buddies`, and `slow_victims` receivers send on
 * to three each, within `slow_window`. All of that is meant to come before the tenth receiver has sent it on;
 * bench/detect measures it.
 *
 * A second, lesser alert needs no chain: a link or file to `mass` buddies at half the pace's pause, from an
 * account that chats like a person otherwise (at least `talk` other messages, to several people, which were
 * not sent to many), so that bots, which only announce, stay out of it.
 *
 * Not counted: messages to rooms (one message, however many read it), copies and history, texts of less than
 * three words or twelve letters without a link.
 *
 * What it cannot know: a link that the house itself passes on from desk to desk within minutes (raise
 * `slow_victims` where that is the custom); text that is encrypted; who opened a link; a worm that changes
 * link and words each time; messages that do not pass the sensor, so that a chain outside shows only where it
 * touches us.
 */
#include "base/hash.h"
#include "threat/aid.h"
#include "threat/party.h"
#include "threat/wording.h"
#include <stdlib.h>

enum { SPREADING, MASS_SENDING };

enum {
    BUDDIES,
    PACE_MS,
    VICTIMS,
    FORWARDS,
    REACTION_S,
    SLOW_BUDDIES,
    SLOW_VICTIMS,
    SLOW_WINDOW_S,
    ALIKE,
    MASS,
    TALK,
    THRESHOLDS
};

static const struct threshold thresholds[] = {
    /* Five buddies in ten seconds is beyond who changes windows and pastes. */
    [BUDDIES] = { "buddies", 5, 3, 16, "buddies", "different receivers that make a burst" },
    [PACE_MS] = { "pace", 2000, 100, 60000, "milliseconds", "a burst's pause between two, on average" },
    /* One fast forwarder may be a person who was waiting for the link; three are not. */
    [VICTIMS] = { "victims", 3, 1, 16, "accounts", "receivers who send it on in a burst" },
    [FORWARDS] = { "forwards", 6, 2, 16, "accounts", "receivers who send it on at once" },
    [REACTION_S] = { "reaction", 20, 1, 600, "seconds", "what counts as at once" },
    [SLOW_BUDDIES] = { "slow_buddies", 8, 3, 16, "buddies", "receivers of one, when it is slow" },
    [SLOW_VICTIMS] = { "slow_victims", 3, 2, 16, "accounts", "receivers who send it on to three, slowly" },
    [SLOW_WINDOW_S] = { "slow_window", 600, 10, 86400, "seconds", "from getting it to sending it on" },
    [ALIKE] = { "alike", 70, 30, 100, "percent", "words in common of two texts that count as one" },
    [MASS] = { "mass", 10, 5, 16, "buddies", "receivers of one at half the pause, without a chain" },
    [TALK] = { "talk", 5, 1, 64, "messages", "other messages that make a sender a person" },
};
_Static_assert(sizeof thresholds / sizeof thresholds[0] == THRESHOLDS, "one for each");

extern const struct detector detector_worm;

enum {
    LURES = 1 << 14,
    MARKS = 1 << 17, /* ways to find lures */
    NODES = 1 << 15, /* who had which lure */
    TALKERS = 1 << 13,
    WAYS = 8,
    RECENT = 16, /* receivers that a node remembers */
    TALLIED = 16,
    ONWARD = 2, /* to so many a victim sends it on */
    SLOW_ONWARD = 3,
    FORWARDS_SPAN = 3, /* all of them within so many times the time to react */
    DEEP = 2,          /* a receiver's receiver has sent it on */
    MARKS_OF_ONE = WORDING_LINKS + 1 + WORDING_BANDS,
    TOLD_TO_MANY = 3, /* what went to so many is no chat */
    DEEPEST = 64,
    TEXT_WORDS = 3,
    TEXT_LETTERS = 12,
};

/* How often something happened, and when the last times. */
struct tally {
    unsigned count;
    uint64_t us[TALLIED];
};

struct lure {
    uint64_t id; /* number << 14 | place; 0: empty */
    uint64_t first_us, last_us;
    uint64_t deepest; /* account at the end of the longest chain */
    struct wording wording;
    struct tally victims, forwards, slow_victims;
    unsigned accounts, bursts, slow_bursts, origins, sent_on, told_at, depth;
    bool link, file;
};

/* A way to find a lure. */
struct mark {
    uint64_t hash, lure;
};

/* An account that had a lure. */
struct node {
    uint64_t key, lure;      /* key of account and lure; 0: empty */
    uint64_t parent, got_us; /* account that it had it from first, 0: nobody seen */
    uint64_t first_us;
    struct {
        uint64_t account, us;
    } sent[RECENT]; /* the last `receivers` */
    unsigned receivers, depth;
    bool burst, victim, forward, slow, slow_victim;
    char name[PARTY_NAME_BYTES];
};

/* An account that chats. */
struct talker {
    uint64_t account, last_us, peer[4];
    unsigned messages, peers;
};

struct worm {
    uint64_t value[THRESHOLDS];
    uint64_t next_id, seed, forgotten;
    struct lure lure[LURES];
    struct mark mark[MARKS];
    struct node node[NODES];
    struct talker talker[TALKERS];
};

static void *start(const struct detector_settings *settings, const struct threat_world *world,
                   struct imw_error_info *err)
{
    struct worm *w = calloc(1, sizeof *w); /* touched as it is used */

    (void)world;
    if (w == NULL) {
        (void)error_set(err, IMW_ERROR_MEMORY, "no memory for the detector of worms");
        return NULL;
    }
    memcpy(w->value, settings->value, sizeof w->value);
    return w;
}

/* ---- lures ---- */

static struct lure *lure_at(struct worm *w, uint64_t id)
{
    struct lure *l = &w->lure[id % LURES];
    return id != 0 && l->id == id ? l : NULL;
}

/* Does more than one account send it? Such ones are forgotten last. */
static bool is_lively(const struct lure *l)
{
    return l->sent_on > 0 || l->bursts > 0 || l->slow_bursts > 0;
}

static struct lure *lure_new(struct worm *w, uint64_t now_us, uint64_t hash)
{
    struct lure *set = &w->lure[hash % (LURES / WAYS) * WAYS], *place = NULL;

    for (unsigned i = 0; i < WAYS; i++) {
        struct lure *l = &set[i];
        if (place == NULL || is_lively(l) < is_lively(place) ||
            (is_lively(l) == is_lively(place) && l->last_us < place->last_us))
            place = l;
    }
    w->forgotten += place->id != 0;
    *place = (struct lure){ .id = ++w->next_id * LURES + (uint64_t)(place - w->lure),
                            .first_us = now_us,
                            .last_us = now_us };
    return place;
}

static struct mark *mark_set(struct worm *w, uint64_t hash)
{
    return &w->mark[hash % (MARKS / WAYS) * WAYS];
}

static struct lure *find_mark(struct worm *w, uint64_t hash)
{
    struct mark *set = mark_set(w, hash);

    for (unsigned i = 0; i < WAYS; i++)
        if (set[i].hash == hash && lure_at(w, set[i].lure) != NULL)
            return lure_at(w, set[i].lure);
    return NULL;
}

static void put_mark(struct worm *w, uint64_t hash, const struct lure *lure)
{
    struct mark *set = mark_set(w, hash), *place = &set[0];
    uint64_t oldest = UINT64_MAX;

    for (unsigned i = 0; i < WAYS; i++) {
        const struct lure *other = lure_at(w, set[i].lure);
        uint64_t age = other == NULL ? 0 : other->last_us;
        if (set[i].hash == hash && other != NULL) {
            place = &set[i];
            break;
        }
        if (age < oldest) {
            oldest = age;
            place = &set[i];
        }
    }
    *place = (struct mark){ hash, lure->id };
}

/* The lure of a message: found by its links, or by its words. NULL: too little is said. */
static struct lure *lure_of(struct worm *w, uint64_t now_us, uint16_t service, const struct wording *said)
{
    uint64_t mark[MARKS_OF_ONE];
    unsigned marks = 0;
    struct lure *lure = NULL;

    if (said->links == 0 && (said->words < TEXT_WORDS || said->letters < TEXT_LETTERS))
        return NULL;
    for (; marks < said->links; marks++) {
        mark[marks] = hash_words(said->link[marks], service, w->seed);
        lure = lure != NULL ? lure : find_mark(w, mark[marks]);
    }
    if (said->words >= TEXT_WORDS && said->letters >= TEXT_LETTERS) {
        uint64_t band[WORDING_BANDS];
        wording_bands(said, band);
        for (unsigned i = 0; i < WORDING_BANDS; i++) {
            mark[marks] = hash_words(band[i], service + UINT64_C(0x10000), w->seed);
            struct lure *l = lure == NULL ? find_mark(w, mark[marks]) : NULL;
            if (l != NULL && wording_alike(&l->wording, said) >= w->value[ALIKE])
                lure = l;
            marks++;
        }
    }
    if (lure == NULL) {
        lure = lure_new(w, now_us, mark[0]);
        lure->wording = *said;
    }
    lure->link |= said->links > 0;
    lure->last_us = now_us;
    for (unsigned i = 0; i < marks; i++)
        put_mark(w, mark[i], lure);
    return lure;
}

/* ---- who had it ---- */

static struct node *node_find(struct worm *w, const struct lure *lure, uint64_t account)
{
    uint64_t key = hash_words(account, lure->id, w->seed);
    struct node *set = &w->node[key % (NODES / WAYS) * WAYS];

    for (unsigned i = 0; i < WAYS; i++)
        if (set[i].key == account && set[i].lure == lure->id)
            return &set[i];
    return NULL;
}

static struct node *node_of(struct worm *w, struct lure *lure, const struct party *who)
{
    struct node *place = node_find(w, lure, who->key);

    if (place != NULL)
        return place;
    uint64_t key = hash_words(who->key, lure->id, w->seed), oldest = UINT64_MAX;
    struct node *set = &w->node[key % (NODES / WAYS) * WAYS];
    for (unsigned i = 0; i < WAYS; i++) {
        struct lure *other = lure_at(w, set[i].lure);
        uint64_t age = other == NULL ? 0 : other->last_us + (is_lively(other) ? UINT64_MAX / 2 : 0);
        if (age < oldest) {
            oldest = age;
            place = &set[i];
        }
    }
    w->forgotten += oldest != 0;
    *place = (struct node){ .key = who->key, .lure = lure->id };
    memcpy(place->name, who->name, sizeof place->name);
    lure->accounts++;
    return place;
}

/* When did it send to the `nth` receiver, counted back from the last (1)? */
static uint64_t sent_us(const struct node *n, unsigned nth)
{
    return n->sent[(n->receivers - nth) % RECENT].us;
}

static bool sent_before(const struct node *n, uint64_t account)
{
    for (unsigned i = 0; i < n->receivers && i < RECENT; i++)
        if (n->sent[i].account == account)
            return true;
    return false;
}

/* Did the last `count` receivers get it within `span_us`? */
static bool sent_within(const struct node *n, unsigned count, uint64_t span_us)
{
    return n->receivers >= count && sent_us(n, 1) - sent_us(n, count) <= span_us;
}

static void tally(struct tally *t, uint64_t now_us)
{
    t->us[t->count++ % TALLIED] = now_us;
}

/* Was it so often within `span_us`? */
static bool tallied(const struct tally *t, uint64_t often, uint64_t span_us)
{
    return t->count >= often &&
           t->us[(t->count - 1) % TALLIED] - t->us[(t->count - often) % TALLIED] <= span_us;
}

/* What the latest receiver makes of the sender. */
static void weigh(const struct worm *w, struct lure *lure, struct node *n)
{
    uint64_t pause_us = w->value[PACE_MS] * 1000, slow_us = w->value[SLOW_WINDOW_S] * 1000000;
    uint64_t now_us = sent_us(n, 1);
    bool had = n->got_us != 0, soon = had && n->first_us - n->got_us <= slow_us;

    if (!n->burst && sent_within(n, (unsigned)w->value[BUDDIES], pause_us * (w->value[BUDDIES] - 1))) {
        n->burst = true;
        lure->bursts++;
    }
    if (!n->slow && sent_within(n, (unsigned)w->value[SLOW_BUDDIES], slow_us)) {
        n->slow = true;
        lure->slow_bursts++;
    }
    if (n->receivers == 1) {
        lure->sent_on += had;
        lure->origins += !had;
    }
    if (soon && !n->victim && sent_within(n, ONWARD, pause_us * (ONWARD - 1))) {
        n->victim = true;
        tally(&lure->victims, now_us);
    }
    if (had && !n->forward && n->first_us - n->got_us <= w->value[REACTION_S] * 1000000) {
        n->forward = true;
        tally(&lure->forwards, now_us);
    }
    if (soon && !n->slow_victim && sent_within(n, SLOW_ONWARD, slow_us)) {
        n->slow_victim = true;
        tally(&lure->slow_victims, now_us);
    }
}

/* ---- telling ---- */

/* "al -> bob -> cyd", and the times when each had it. Returns the first of them. */
static const struct node *write_chain(struct worm *w, const struct lure *lure, struct text *names,
                                      struct text *times, unsigned *out_hops)
{
    const struct node *way[DEEPEST];
    unsigned count = 0;
    uint64_t account = lure->deepest;

    while (account != 0 && count < DEEPEST) {
        const struct node *n = node_find(w, lure, account);
        if (n == NULL)
            break;
        way[count++] = n;
        account = n->parent;
    }
    *out_hops = count > 0 ? count - 1 : 0;
    for (unsigned i = count; i-- > 0;) {
        bool shown = i >= count - (count < 4 ? count : 4) || i < 4; /* both ends of a long one */
        if (!shown) {
            if (i == count - 5) {
                text_string(names, " -> ...");
                text_string(times, " ...");
            }
            continue;
        }
        if (i + 1 < count) {
            text_string(names, " -> ");
            text_char(times, ' ');
        }
        text_printable(names, view_string(way[i]->name));
        text_clock(times, way[i]->got_us != 0 ? way[i]->got_us : way[i]->first_us);
    }
    return count > 0 ? way[count - 1] : NULL;
}

static void tell_spreading(struct worm *w, struct threats *t, const struct scene *s, struct lure *lure)
{
    char seen[512], chain[640], times[160], accounts[24], sent_on[24], first[24], forgotten[24], subject[24];
    struct text seen_text = TEXT(seen), chain_text = TEXT(chain), times_text = TEXT(times);
    struct text accounts_text = TEXT(accounts), sent_on_text = TEXT(sent_on), first_text = TEXT(first);
    struct text forgotten_text = TEXT(forgotten), subject_text = TEXT(subject);
    unsigned hops;
    const struct node *origin = write_chain(w, lure, &chain_text, &times_text, &hops);

    text_format(&chain_text, " (%u hops), %u accounts", hops, lure->accounts);
    text_decimal(&accounts_text, lure->accounts);
    text_decimal(&sent_on_text, lure->sent_on);
    text_clock(&first_text, lure->first_us);
    text_decimal(&forgotten_text, w->forgotten);
    text_format(&subject_text, "%016llx", (unsigned long long)lure->id);
    text_format(&seen_text, "%u accounts had the same %s since %s; %u of them sent it on", lure->accounts,
                lure->file   ? "file"
                : lure->link ? "link"
                             : "text",
                first, lure->sent_on);
    threats_raise(
        t, s,
        &(struct alert){
            .detector = &detector_worm,
            .kind = SPREADING,
            .severity = SEVERITY_HIGH,
            .title = "worm spreading over buddy lists",
            .seen = seen,
            .why = "who gets it sends it to others at once, faster than people do: a program sends it",
            .advice = "block the link or file, isolate the machines of the chain, warn the buddies",
            .evidence = { { "lure", lure->wording.sample },
                          { "chain", chain },
                          { "times", times },
                          { "origin", origin != NULL ? origin->name : "" },
                          { "accounts", accounts },
                          { "sent_on", sent_on },
                          { "first_seen", first },
                          { "forgotten", forgotten } },
            .evidence_count = 8,
            .subject = subject,
        });
}

static void tell_mass(struct threats *t, const struct scene *s, const struct lure *lure, const struct node *n)
{
    char seen[256], receivers[24], first[24];
    struct text seen_text = TEXT(seen), receivers_text = TEXT(receivers), first_text = TEXT(first);

    text_decimal(&receivers_text, n->receivers);
    text_clock(&first_text, n->first_us);
    text_format(&seen_text, "%s sent the same %s to %u buddies since %s", n->name,
                lure->file ? "file" : "link", n->receivers, first);
    threats_raise(t, s,
                  &(struct alert){
                      .detector = &detector_worm,
                      .kind = MASS_SENDING,
                      .severity = SEVERITY_MEDIUM,
                      .title = "the same sent to many buddies at a machine's pace",
                      .seen = seen,
                      .why = "a person's account sends like a program: worms begin so",
                      .advice = "ask the user; if it was not meant, isolate the machine and warn the buddies",
                      .evidence = { { "lure", lure->wording.sample },
                                    { "from", n->name },
                                    { "receivers", receivers },
                                    { "first_sent", first } },
                      .evidence_count = 4,
                      .subject = n->name,
                  });
}

/* ---- people ---- */

static struct talker *talker_of(struct worm *w, uint64_t account)
{
    struct talker *set = &w->talker[account % (TALKERS / WAYS) * WAYS], *place = set;

    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].account == account)
            return &set[i];
        if (set[i].last_us < place->last_us)
            place = &set[i];
    }
    *place = (struct talker){ .account = account };
    return place;
}

/* A message that was not sent to others before: people write such ones. */
static void note_talk(struct worm *w, uint64_t from, uint64_t to, uint64_t now_us)
{
    struct talker *p = talker_of(w, from);
    unsigned count = sizeof p->peer / sizeof p->peer[0];

    p->last_us = now_us;
    p->messages++;
    for (unsigned i = 0; i < p->peers; i++)
        if (p->peer[i] == to)
            return;
    if (p->peers < count)
        p->peer[p->peers++] = to;
}

/* One of them went to many after all. */
static void forget_talk(struct worm *w, uint64_t from)
{
    struct talker *p = talker_of(w, from);
    p->messages -= p->messages > 0;
}

static bool is_person(struct worm *w, uint64_t account)
{
    const struct talker *p = talker_of(w, account);
    return p->messages >= w->value[TALK] && p->peers >= 2;
}

/* ---- what comes ---- */

/* A worm comes from one or two; a link that everybody uses comes from everywhere. */
static bool has_one_origin(const struct lure *lure)
{
    return lure->origins * 3 <= lure->sent_on;
}

/* Passed on as programs do. Among thousands of people a link that is liked would reach any count in a day: it
 * must happen together. */
static bool is_fast(const struct worm *w, const struct lure *lure)
{
    uint64_t window_us = w->value[SLOW_WINDOW_S] * 1000000, reaction_us = w->value[REACTION_S] * 1000000;
    bool at_once = tallied(&lure->forwards, w->value[FORWARDS], FORWARDS_SPAN * reaction_us);

    if (lure->bursts > 0)
        return at_once || tallied(&lure->victims, w->value[VICTIMS], window_us);
    return at_once && lure->depth >= DEEP && (lure->link || lure->file) && has_one_origin(lure);
}

static bool is_slow(const struct worm *w, const struct lure *lure)
{
    return (lure->link || lure->file) && lure->slow_bursts > 0 && has_one_origin(lure) &&
           tallied(&lure->slow_victims, w->value[SLOW_VICTIMS], w->value[SLOW_WINDOW_S] * 1000000);
}

static void pass(struct worm *w, struct threats *t, const struct scene *s, struct lure *lure,
                 const struct party *from, const struct party *to)
{
    struct node *giver = node_of(w, lure, from);

    if (sent_before(giver, to->key))
        return; /* the receiver's leg of the same message, or once more */
    if (giver->receivers == 0)
        giver->first_us = s->time_us;
    unsigned depth = giver->depth;
    giver->sent[giver->receivers % RECENT].account = to->key;
    giver->sent[giver->receivers % RECENT].us = s->time_us;
    giver->receivers++;
    weigh(w, lure, giver);
    if (giver->receivers == TOLD_TO_MANY)
        forget_talk(w, from->key);
    struct node copy = *giver; /* its place may be taken */
    struct node *taker = node_of(w, lure, to);
    if (taker->got_us == 0 && taker->receivers == 0) {
        taker->got_us = s->time_us;
        taker->parent = from->key;
        taker->depth = depth + 1;
    }
    /* The deepest is who has sent it on: that it was received by one more proves nothing. */
    if (copy.receivers == 1 && (lure->deepest == 0 || depth > lure->depth)) {
        lure->deepest = from->key;
        lure->depth = depth;
    }
    if ((is_fast(w, lure) || is_slow(w, lure)) &&
        (lure->told_at == 0 || lure->sent_on >= 2 * lure->told_at)) {
        lure->told_at = lure->sent_on;
        tell_spreading(w, t, s, lure);
    }
    if (lure->told_at == 0 && (lure->link || lure->file) && copy.receivers == w->value[MASS] &&
        sent_within(&copy, copy.receivers, w->value[PACE_MS] * 500 * (copy.receivers - 1)) &&
        is_person(w, from->key))
        tell_mass(t, s, lure, &copy);
}

static void on_message(void *state, struct threats *t, const struct scene *s, const struct carried_message *m)
{
    struct worm *w = state;
    struct party from, to;
    struct wording said;
    uint16_t service = s->flow != NULL ? s->flow->service : 0;

    if (is_history(s, m) || !party_pair(s, m->from, m->to, m->room, m->outgoing, &from, &to))
        return;
    struct view names[] = { m->to, m->from, m->display };
    wording_of(m->text, names, sizeof names / sizeof names[0], &said);
    struct lure *lure = lure_of(w, s->time_us, service, &said);
    if (lure == NULL || lure->accounts == 0)
        note_talk(w, from.key, to.key, s->time_us);
    if (lure != NULL)
        pass(w, t, s, lure, &from, &to);
}

static void on_file(void *state, struct threats *t, const struct scene *s, const struct carried_file *f)
{
    struct worm *w = state;
    struct party from, to;

    if (f->sha256 == NULL || f->size == 0 || !party_pair(s, f->from, f->to, f->room, f->outgoing, &from, &to))
        return;
    uint64_t mark = hash_bytes(view_of(f->sha256, SHA256_BYTES), w->seed);
    struct lure *lure = find_mark(w, mark);
    if (lure == NULL) {
        lure = lure_new(w, s->time_us, mark);
        lure->file = true;
        struct text name = TEXT(lure->wording.sample);
        text_printable(&name, f->name);
    }
    lure->last_us = s->time_us;
    put_mark(w, mark, lure);
    pass(w, t, s, lure, &from, &to);
}

const struct detector detector_worm = {
    .name = "worm",
    .id = 4300,
    .help = "the same link, file or text sent on along buddy lists faster than people do",
    .thresholds = thresholds,
    .threshold_count = THRESHOLDS,
    .start = start,
    .stop = free,
    .on_message = on_message,
    .on_file = on_file,
};
