/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounts that pass for somebody else: who writes to our user under a name that looks like one of the user's
 * contacts, or like one of the institution's people (the list "directory"), and is not that account.
 *
 * Looking alike is decided by the skeletons of UTS #39 with digits that stand for letters
 * (threat/confusable.h), for names of five characters or more, and by one edit for names of `near` characters
 * or more. A name that differs in case and separators only (bob.smith, Bob_Smith) is the same name, and no
 * trick: people have several accounts. A full name (two words, eight characters) that is shown by a stranger
 * exactly as a contact shows it is told of too, with low severity.
 *
 * Who is in the buddy list is no stranger, and never alarms, unless it came into a list that was there for
 * `settle` already: an impostor asks to be added. Accounts of the domains that the directory names are the
 * institution's own, given out by itself, and never alarm.
 *
 * The directory: a line is a name ("Bob Smith"), an account ("bob.smith@bank.example"), or both: "Bob Smith
 * <bob.smith@bank.example> <bsmith@im.example>". With accounts given, who shows exactly that name from
 * another account is told of.
 *
 * What it cannot know: whether the same name at another server is the same person; buddy lists that were sent
 * before the sensor looked, or encrypted; whether two people really bear such names; names in other scripts
 * that sound alike; pictures.
 */
#include "base/hash.h"
#include "threat/confusable.h"
#include "threat/list_file.h"
#include "threat/party.h"
#include <stdlib.h>

enum { LIKE_CONTACT, NAME_OF_CONTACT, LIKE_DIRECTORY };
enum { DIRECTORY };
enum { NEAR, SETTLE_S, THRESHOLDS };

static const struct threshold thresholds[] = {
    /* One edit in nine characters is often another person: Maria and Mario, Jon and John. */
    [NEAR] = { "near", 10, 6, 64, "characters", "names so long are compared with one edit, too" },
    [SETTLE_S] = { "settle", 600, 1, 86400, "seconds", "after which a list is known, and more is new" },
};
static const struct detector_list lists[] = {
    [DIRECTORY] = { "directory", "names and accounts of the institution's people, one a line" },
};

extern const struct detector detector_impersonation;

enum {
    CONTACTS = 1 << 16, /* of all users */
    USERS = 1 << 13,
    CONTACTS_OF_ONE = 1024, /* that are compared */
    JUDGED = 1 << 15,
    WAYS = 8,
    PEOPLE = 100000, /* of the directory */
    ACCOUNTS_OF_ONE = 4,
    NAME_BYTES = 48,
    LOOK_BYTES = 64,
    SHORTEST = 5,
    FULL_NAME = 8,
};

/* A name in the forms in which it is compared; empty where there is none. */
struct look {
    char plain[LOOK_BYTES], skeleton[LOOK_BYTES];
};

struct contact {
    uint64_t user, peer, since_us; /* user 0: empty */
    uint32_t next, before;         /* of the same user, 0: none */
    char account[NAME_BYTES], display[NAME_BYTES];
    struct look account_look, display_look;
};

struct user {
    uint64_t key, since_us, last_us;
    uint32_t first; /* contact */
};

struct person {
    char name[NAME_BYTES];
    struct look look;
    uint64_t account[ACCOUNTS_OF_ONE]; /* hashes; none: a name alone */
    unsigned accounts;
    bool is_account; /* `name` is one */
};

struct impersonation {
    uint64_t value[THRESHOLDS];
    uint64_t seed, forgotten;
    struct confusable *confusable;
    struct person *person;
    uint64_t *own_domain; /* hashes */
    unsigned people, own_domains;
    uint32_t next_contact;
    struct contact contact[CONTACTS]; /* a ring, but the first */
    struct user user[USERS];
    struct {
        uint64_t key, us;
    } judged[JUDGED];
};

/* Who is looked at: a stranger, by account and by the name that is shown. */
struct suspect {
    struct party party;
    struct view account, display;
    struct look account_look, display_look;
};

/* ---- names ---- */

static struct view local_part(struct view account)
{
    return view_slice(account, 0, view_find_byte(account, '@', 0));
}

static void look_at(const struct impersonation *im, struct view name, struct look *out)
{
    struct text plain = TEXT(out->plain), skeleton = TEXT(out->skeleton);

    confusable_skeleton(im->confusable, name, CONFUSABLE_PLAIN, &plain);
    confusable_skeleton(im->confusable, name, CONFUSABLE_SWAPS, &skeleton);
}

enum likeness { UNLIKE, SAME, ALIKE, CLOSE };

static bool differ_in_i_and_l_only(const char *a, const char *b)
{
    while (*a != '\0' && (*a == *b || (*a == 'i' && *b == 'l') || (*a == 'l' && *b == 'i')))
        a++, b++;
    return *a == '\0' && *b == '\0';
}

static enum likeness compare(const struct impersonation *im, const struct look *a, const struct look *b)
{
    size_t len = strlen(a->skeleton), other = strlen(b->skeleton);

    if (len < SHORTEST || other < SHORTEST)
        return UNLIKE;
    if (strcmp(a->plain, b->plain) == 0)
        return SAME;
    if (strcmp(a->skeleton, b->skeleton) == 0)
        return len < FULL_NAME && differ_in_i_and_l_only(a->plain, b->plain) ? UNLIKE : ALIKE;
    struct view one = view_string(a->plain),
                two = view_string(b->plain); /* an m is two characters in a skeleton */
    if (one.len >= im->value[NEAR] && two.len >= im->value[NEAR] && confusable_near(one, two))
        return CLOSE;
    return UNLIKE;
}

static bool is_full_name(struct view name)
{
    name = view_trim(name);
    return name.len >= FULL_NAME && view_find_byte(name, ' ', 0) < name.len;
}

/* ---- the directory ---- */

static bool add_account(struct impersonation *im, struct person *p, struct view account)
{
    size_t at = view_find_byte(account, '@', 0);

    if (account.len == 0 || p->accounts == ACCOUNTS_OF_ONE)
        return false;
    p->account[p->accounts++] = hash_folded(account);
    if (at + 1 < account.len && im->own_domains < PEOPLE)
        im->own_domain[im->own_domains++] = hash_folded(view_from(account, at + 1));
    return true;
}

static bool add_person(void *context, struct view line, unsigned number, const char **out_why)
{
    struct impersonation *im = context;
    struct view name = view_trim(view_slice(line, 0, view_find_byte(line, '<', 0))), rest;

    (void)number;
    if (im->people == PEOPLE) {
        *out_why = "more than 100,000 people";
        return false;
    }
    struct person *p = &im->person[im->people];
    *p = (struct person){ .is_account = view_find_byte(name, '@', 0) < name.len };
    rest = view_from(line, view_find_byte(line, '<', 0));
    while (rest.len > 0) {
        size_t end = view_find_byte(rest, '>', 0);
        if (rest.at[0] != '<' || end == rest.len ||
            !add_account(im, p, view_trim(view_slice(rest, 1, end)))) {
            *out_why = "not a name and up to four accounts: Bob Smith <bob@bank.example>";
            return false;
        }
        rest = view_trim(view_from(rest, end + 1));
    }
    if (p->is_account && !add_account(im, p, name)) {
        *out_why = "more than four accounts";
        return false;
    }
    struct text text = TEXT(p->name);
    text_printable(&text, name);
    look_at(im, p->is_account ? local_part(name) : name, &p->look);
    if (p->look.skeleton[0] == '\0') {
        *out_why = "no name";
        return false;
    }
    im->people++;
    return true;
}

static int order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static bool is_own(const struct impersonation *im, struct view account)
{
    size_t at = view_find_byte(account, '@', 0);
    uint64_t domain = hash_folded(view_from(account, at + 1));

    return im->own_domains > 0 && at < account.len &&
           bsearch(&domain, im->own_domain, im->own_domains, sizeof domain, order) != NULL;
}

static void stop(void *state)
{
    struct impersonation *im = state;

    confusable_free(im->confusable);
    free(im->person);
    free(im->own_domain);
    free(im);
}

static bool load(struct impersonation *im, const char *path, struct imw_error_info *err)
{
    im->person = calloc(PEOPLE, sizeof *im->person); /* touched as it is used */
    im->own_domain = calloc(PEOPLE, sizeof *im->own_domain);
    if (im->person == NULL || im->own_domain == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for a directory");
    if (!list_file_read(path, add_person, im, err))
        return false;
    qsort(im->own_domain, im->own_domains, sizeof im->own_domain[0], order);
    return true;
}

static void *start(const struct detector_settings *settings, const struct threat_world *world,
                   struct imw_error_info *err)
{
    struct impersonation *im = calloc(1, sizeof *im); /* touched as it is used */

    (void)world;
    if (im == NULL) {
        (void)error_set(err, IMW_ERROR_MEMORY, "no memory for the detector of impersonation");
        return NULL;
    }
    memcpy(im->value, settings->value, sizeof im->value);
    if (!confusable_new(&im->confusable, err) ||
        (settings->path[DIRECTORY] != NULL && !load(im, settings->path[DIRECTORY], err))) {
        stop(im);
        return NULL;
    }
    return im;
}

/* ---- contacts ---- */

static struct user *user_find(struct impersonation *im, uint64_t key)
{
    struct user *set = &im->user[key % (USERS / WAYS) * WAYS];

    for (unsigned i = 0; i < WAYS; i++)
        if (set[i].key == key)
            return &set[i];
    return NULL;
}

/* Take a contact out of its user's list. */
static void unlink_contact(struct impersonation *im, struct contact *c)
{
    struct user *u = user_find(im, c->user);
    uint32_t place = (uint32_t)(c - im->contact);

    if (c->before != 0)
        im->contact[c->before].next = c->next;
    else if (u != NULL && u->first == place)
        u->first = c->next;
    if (c->next != 0)
        im->contact[c->next].before = c->before;
    *c = (struct contact){ 0 };
}

static struct user *user_of(struct impersonation *im, uint64_t key, uint64_t now_us)
{
    struct user *place = user_find(im, key);

    if (place != NULL)
        return place;
    struct user *set = &im->user[key % (USERS / WAYS) * WAYS];
    place = set;
    for (unsigned i = 1; i < WAYS; i++)
        if (set[i].last_us < place->last_us)
            place = &set[i];
    for (unsigned i = 0; i < CONTACTS && place->first != 0; i++) {
        im->forgotten++;
        unlink_contact(im, &im->contact[place->first]);
    }
    *place = (struct user){ .key = key, .since_us = now_us };
    return place;
}

static struct contact *contact_find(struct impersonation *im, const struct user *u, uint64_t peer)
{
    uint32_t at = u->first;

    for (unsigned i = 0; i < CONTACTS_OF_ONE && at != 0; i++, at = im->contact[at].next)
        if (im->contact[at].peer == peer)
            return &im->contact[at];
    return NULL;
}

static struct contact *contact_new(struct impersonation *im, struct user *u, uint64_t peer, uint64_t now_us)
{
    im->next_contact = im->next_contact % (CONTACTS - 1) + 1;
    struct contact *c = &im->contact[im->next_contact];
    if (c->user != 0) {
        im->forgotten++;
        unlink_contact(im, c);
    }
    *c = (struct contact){ .user = u->key, .peer = peer, .since_us = now_us, .next = u->first };
    if (u->first != 0)
        im->contact[u->first].before = im->next_contact;
    u->first = im->next_contact;
    return c;
}

/* ---- judging ---- */

/* True once for a key, as long as it is remembered. */
static bool is_first(struct impersonation *im, uint64_t key, uint64_t now_us)
{
    unsigned set = (unsigned)(key % (JUDGED / WAYS) * WAYS), place = set;

    for (unsigned i = set; i < set + WAYS; i++) {
        if (im->judged[i].key == key)
            return false;
        if (im->judged[i].us < im->judged[place].us)
            place = i;
    }
    im->judged[place].key = key;
    im->judged[place].us = now_us;
    return true;
}

static void tell(const struct impersonation *im, struct threats *t, const struct scene *s, unsigned kind,
                 enum likeness likeness, const struct suspect *x, const char *whom, const char *whom_name,
                 const char *user)
{
    static const char *const titles[] = {
        [LIKE_CONTACT] = "account that looks like a contact's",
        [NAME_OF_CONTACT] = "another account under a contact's name",
        [LIKE_DIRECTORY] = "account that looks like one of our people's",
    };
    char display[96], seen[400], subject[200], forgotten[24];
    struct text forgotten_text = TEXT(forgotten);
    struct text display_text = TEXT(display), seen_text = TEXT(seen), subject_text = TEXT(subject);

    text_printable(&display_text, x->display);
    text_decimal(&forgotten_text, im->forgotten);
    text_format(&seen_text, "%s%s%s%s %s %s", x->party.name, display[0] != '\0' ? " (" : "", display,
                display[0] != '\0' ? ")" : "", likeness == SAME ? "shows the name of" : "looks like",
                whom[0] != '\0' ? whom : whom_name);
    text_format(&subject_text, "%s as %s", x->party.name, whom[0] != '\0' ? whom : whom_name);
    threats_raise(t, s,
                  &(struct alert){ .detector = &detector_impersonation,
                                   .kind = kind,
                                   .severity = likeness == ALIKE ? (kind == LIKE_DIRECTORY ? SEVERITY_HIGH
                                                                                           : SEVERITY_MEDIUM)
                                                                 : SEVERITY_LOW,
                                   .title = titles[kind],
                                   .seen = seen,
                                   .why = "people answer to a name they know; fraud begins so",
                                   .advice = "ask the person by another way; then block the account",
                                   .evidence = { { "account", x->party.name },
                                                 { "shown_as", display },
                                                 { "like", whom },
                                                 { "like_name", whom_name },
                                                 { "likeness", likeness == ALIKE   ? "look-alike characters"
                                                               : likeness == CLOSE ? "one character differs"
                                                                                   : "the same name" },
                                                 { "user", user },
                                                 { "forgotten", forgotten } },
                                   .evidence_count = 7,
                                   .subject = subject });
}

/* Against the contacts of a user that were there at `before_us`. True: told. */
static bool judge_contacts(struct impersonation *im, struct threats *t, const struct scene *s,
                           const struct user *u, const char *user, const struct suspect *x,
                           uint64_t before_us)
{
    const struct contact *alike = NULL, *close = NULL, *same = NULL;
    bool own_name = false; /* its account is called as another contact's: the same person's, elsewhere */
    uint32_t at = u->first;

    for (unsigned i = 0; i < CONTACTS_OF_ONE && at != 0; i++, at = im->contact[at].next) {
        const struct contact *c = &im->contact[at];
        if (c->peer == x->party.key || c->since_us > before_us)
            continue;
        enum likeness by_account = compare(im, &x->account_look, &c->account_look);
        enum likeness by_name = compare(im, &x->display_look, &c->display_look);
        own_name |= by_account == SAME;
        if (by_account == ALIKE || by_name == ALIKE)
            alike = c;
        if (by_account == CLOSE || by_name == CLOSE)
            close = c;
        if (by_name == SAME && is_full_name(x->display))
            same = c;
    }
    if (own_name)
        return false;
    if (alike != NULL)
        tell(im, t, s, LIKE_CONTACT, ALIKE, x, alike->account, alike->display, user);
    else if (same != NULL)
        tell(im, t, s, NAME_OF_CONTACT, SAME, x, same->account, same->display, user);
    else if (close != NULL)
        tell(im, t, s, LIKE_CONTACT, CLOSE, x, close->account, close->display, user);
    return alike != NULL || same != NULL || close != NULL;
}

static void judge_directory(struct impersonation *im, struct threats *t, const struct scene *s,
                            const char *user, const struct suspect *x)
{
    const struct person *hit = NULL;
    enum likeness likeness = UNLIKE;
    uint64_t account = hash_folded(x->account);

    for (unsigned i = 0; i < im->people; i++) {
        const struct person *p = &im->person[i];
        for (unsigned k = 0; k < p->accounts; k++)
            if (p->account[k] == account)
                return; /* one of ours */
        enum likeness by_account = compare(im, &x->account_look, &p->look);
        enum likeness by_name = compare(im, &x->display_look, &p->look);
        if (by_account == ALIKE || by_name == ALIKE) {
            hit = p;
            likeness = ALIKE;
        } else if (likeness != ALIKE && by_name == SAME && p->accounts > 0 && !p->is_account &&
                   is_full_name(x->display)) {
            hit = p;
            likeness = SAME;
        } else if (likeness == UNLIKE && (by_account == CLOSE || by_name == CLOSE)) {
            hit = p;
            likeness = CLOSE;
        }
    }
    if (hit != NULL)
        tell(im, t, s, LIKE_DIRECTORY, likeness, x, hit->is_account ? hit->name : "",
             hit->is_account ? "" : hit->name, user);
}

static void suspect_of(const struct impersonation *im, const struct party *party, struct view account,
                       struct view display, struct suspect *out)
{
    *out = (struct suspect){ .party = *party, .account = account, .display = view_trim(display) };
    look_at(im, local_part(account), &out->account_look);
    look_at(im, out->display, &out->display_look);
}

static void on_message(void *state, struct threats *t, const struct scene *s, const struct carried_message *m)
{
    struct impersonation *im = state;
    struct view remote = m->outgoing ? m->to : m->from, local = m->outgoing ? m->from : m->to;
    struct view display = m->outgoing ? view_of(NULL, 0) : m->display;
    struct party party, user;
    struct suspect x;

    if (m->again || remote.len == 0 || (m->room.len > 0 && m->outgoing) ||
        !party_of(s, remote, false, &party) || !party_of(s, local, true, &user) || party.key == user.key ||
        is_own(im, remote))
        return;
    uint64_t name = hash_words(party.key, hash_folded(display), im->seed);
    bool in_room = m->room.len > 0; /* a nickname: chosen for the room */
    const struct user *u = in_room ? NULL : user_find(im, user.key);
    bool new_to_user = u != NULL && is_first(im, hash_words(name, user.key, 1), s->time_us);
    bool new_to_all = im->people > 0 && is_first(im, name, s->time_us);
    if (!new_to_user && !new_to_all)
        return;
    bool known = u != NULL && contact_find(im, u, party.key) != NULL;
    suspect_of(im, &party, remote, display, &x);
    if (new_to_user && !known && judge_contacts(im, t, s, u, user.name, &x, s->time_us))
        return;
    if (new_to_all && !known)
        judge_directory(im, t, s, user.name, &x);
}

static void on_contact(void *state, struct threats *t, const struct scene *s, const struct im_contact *c)
{
    struct impersonation *im = state;
    struct party user, peer;

    if (!party_of(s, c->account, true, &user) || !party_of(s, c->peer, false, &peer) || user.key == peer.key)
        return;
    struct user *u = user_of(im, user.key, s->time_us);
    struct contact *entry = contact_find(im, u, peer.key);
    u->last_us = s->time_us;
    if (c->removed) {
        if (entry != NULL)
            unlink_contact(im, entry);
        return;
    }
    bool is_new = entry == NULL;
    if (is_new) {
        entry = contact_new(im, u, peer.key, s->time_us);
        struct text account = TEXT(entry->account);
        text_printable(&account, c->peer);
        look_at(im, local_part(c->peer), &entry->account_look);
    }
    if (c->display.len > 0) {
        struct text display = TEXT(entry->display);
        text_printable(&display, c->display);
        look_at(im, c->display, &entry->display_look);
    }
    uint64_t settle_us = im->value[SETTLE_S] * 1000000;
    if (is_new && s->time_us > u->since_us + settle_us && !is_own(im, c->peer)) {
        struct suspect x;
        suspect_of(im, &peer, c->peer, c->display, &x);
        (void)judge_contacts(im, t, s, u, user.name, &x, s->time_us - settle_us);
    }
}

const struct detector detector_impersonation = {
    .name = "impersonation",
    .id = 4600,
    .help = "accounts and names that look like a contact's, or like those of the institution's people",
    .thresholds = thresholds,
    .threshold_count = THRESHOLDS,
    .lists = lists,
    .list_count = sizeof lists / sizeof lists[0],
    .start = start,
    .stop = stop,
    .on_message = on_message,
    .on_contact = on_contact,
};
