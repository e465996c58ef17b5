/* SPDX-License-Identifier: Apache-2.0 */
/* Two tables of sets of eight places; in a full set the oldest gives way. An edge names its ends by their
 * keys, so that one whose node was forgotten is not told. */
#include "threat/graph.h"
#include "base/hash.h"
#include "base/json.h"
#include "threat/party.h"
#include <stdlib.h>

enum {
    NODES = 1 << 16,
    EDGES = 1 << 18,
    WAYS = 8,
    MOST = 1 << 24,
    AGAIN_US = 2000000,
    LINE_BYTES = 2048,
    RECENT = 4
};

struct node {
    uint64_t key, first_us, last_us; /* key 0: empty */
    uint16_t service;
    uint8_t presence; /* enum presence */
    bool room;
    char account[PARTY_NAME_BYTES], display[48];
};

struct edge {
    uint64_t from, to, first_us, last_us;   /* from 0: empty */
    uint64_t message, message_us;           /* the last one's hash */
    uint64_t file[RECENT], file_us[RECENT]; /* the last ones: their scans end in any order */
    uint32_t messages, files;
    bool contact;
};

struct graph {
    uint32_t nodes, edges; /* places */
    struct graph_status status;
    struct node *node;
    struct edge *edge;
};

static uint32_t places_of(uint32_t wanted, uint32_t usual)
{
    uint32_t places = WAYS;

    wanted = wanted == 0 ? usual : wanted;
    while (places < wanted && places < MOST)
        places *= 2;
    return places;
}

bool graph_new(uint32_t nodes, uint32_t edges, struct graph **out, struct imw_error_info *err)
{
    struct graph *g = calloc(1, sizeof *g);

    if (g == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the graph of accounts");
    g->nodes = places_of(nodes, NODES);
    g->edges = places_of(edges, EDGES);
    g->node = calloc(g->nodes, sizeof *g->node); /* touched as they are used */
    g->edge = calloc(g->edges, sizeof *g->edge);
    if (g->node == NULL || g->edge == NULL) {
        graph_free(g);
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the graph of accounts");
    }
    *out = g;
    return true;
}

void graph_free(struct graph *g)
{
    if (g == NULL)
        return;
    free(g->node);
    free(g->edge);
    free(g);
}

static struct node *node_of(struct graph *g, const struct scene *s, const struct party *who, bool room)
{
    struct node *set = &g->node[who->key % (g->nodes / WAYS) * WAYS], *place = set;

    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].key == who->key) {
            set[i].last_us = s->time_us;
            return &set[i];
        }
        if (set[i].last_us < place->last_us)
            place = &set[i];
    }
    g->status.forgotten += place->key != 0;
    g->status.nodes += place->key == 0;
    *place = (struct node){ .key = who->key,
                            .first_us = s->time_us,
                            .last_us = s->time_us,
                            .service = s->flow != NULL ? s->flow->service : 0,
                            .room = room };
    memcpy(place->account, who->name, sizeof place->account);
    return place;
}

static struct edge *edge_of(struct graph *g, const struct scene *s, uint64_t from, uint64_t to)
{
    struct edge *set = &g->edge[hash_words(from, to, 0) % (g->edges / WAYS) * WAYS], *place = set;

    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].from == from && set[i].to == to) {
            set[i].last_us = s->time_us;
            return &set[i];
        }
        if (set[i].last_us < place->last_us)
            place = &set[i];
    }
    g->status.forgotten += place->from != 0;
    g->status.edges += place->from == 0;
    *place = (struct edge){ .from = from, .to = to, .first_us = s->time_us, .last_us = s->time_us };
    return place;
}

static void show(struct node *n, struct view display)
{
    struct text text = TEXT(n->display);

    if (display.len > 0)
        text_printable(&text, display);
}

void graph_contact(struct graph *g, const struct scene *s, const struct im_contact *c)
{
    struct party user, peer;

    if (!party_of(s, c->account, true, &user) || !party_of(s, c->peer, false, &peer))
        return;
    (void)node_of(g, s, &user, false);
    struct node *n = node_of(g, s, &peer, false);
    if (c->display.len > 0)
        show(n, c->display);
    if (c->presence != PRESENCE_UNKNOWN)
        n->presence = (uint8_t)c->presence;
    edge_of(g, s, user.key, peer.key)->contact = !c->removed;
}

/* The edge of something sent, NULL where an end is not known. */
static struct edge *sent(struct graph *g, const struct scene *s, struct view from, struct view to,
                         struct view room, bool outgoing, struct view display)
{
    struct party giver, taker;
    bool in_room = room.len > 0;

    if (!party_of(s, from, outgoing, &giver) ||
        !party_of(s, in_room ? room : to, !in_room && !outgoing, &taker) || giver.key == taker.key)
        return NULL;
    struct node *n = node_of(g, s, &giver, false);
    if (display.len > 0)
        show(n, display);
    (void)node_of(g, s, &taker, in_room);
    return edge_of(g, s, giver.key, taker.key);
}

void graph_message(struct graph *g, const struct scene *s, const struct carried_message *m)
{
    struct edge *e = m->again ? NULL : sent(g, s, m->from, m->to, m->room, m->outgoing, m->display);
    uint64_t message = hash_bytes(m->text, 1);

    if (e == NULL)
        return;
    if (m->outgoing || e->messages == 0 || e->message != message || s->time_us > e->message_us + AGAIN_US)
        e->messages++;
    e->message = message;
    e->message_us = s->time_us;
}

void graph_file(struct graph *g, const struct scene *s, const struct carried_file *f)
{
    struct edge *e = sent(g, s, f->from, f->to, f->room, f->outgoing, view_of(NULL, 0));

    if (e == NULL)
        return;
    uint64_t file = f->sha256 != NULL ? hash_bytes(view_of(f->sha256, SHA256_BYTES), 1) : 0;
    for (unsigned i = 0; i < RECENT && file != 0; i++)
        if (e->file[i] == file && s->time_us <= e->file_us[i] + AGAIN_US &&
            e->file_us[i] <= s->time_us + AGAIN_US)
            return;
    e->file[e->files % RECENT] = file;
    e->file_us[e->files % RECENT] = s->time_us;
    e->files++;
}

/* ---- writing ---- */

static uint32_t id_of(const struct graph *g, uint64_t key)
{
    uint32_t first = (uint32_t)(key % (g->nodes / WAYS) * WAYS);

    for (uint32_t i = first; i < first + WAYS; i++)
        if (g->node[i].key == key)
            return i + 1;
    return 0;
}

static void write_node(const struct graph *g, const struct node *n, const struct catalog *catalog, bool first,
                       FILE *out)
{
    char line[LINE_BYTES], number[8];
    struct text text = TEXT(number);
    struct json j = json_over(line, sizeof line);
    const struct catalog_service *service = catalog != NULL ? catalog_service(catalog, n->service) : NULL;

    text_decimal(&text, n->service);
    json_object(&j, NULL);
    json_number(&j, "id", (uint64_t)(n - g->node) + 1);
    json_string(&j, "service", service != NULL ? service->slug : number);
    json_string(&j, "account", n->account);
    json_bool(&j, "room", n->room);
    if (n->display[0] != '\0')
        json_string(&j, "display", n->display);
    if (n->presence != PRESENCE_UNKNOWN)
        json_string(&j, "presence", presence_name((enum presence)n->presence));
    json_time(&j, "first", n->first_us);
    json_time(&j, "last", n->last_us);
    json_object_end(&j);
    fprintf(out, "%s%s", first ? "" : ",\n", line);
}

static void write_edge(const struct edge *e, uint32_t from, uint32_t to, bool first, FILE *out)
{
    char line[LINE_BYTES];
    struct json j = json_over(line, sizeof line);

    json_object(&j, NULL);
    json_number(&j, "from", from);
    json_number(&j, "to", to);
    json_bool(&j, "contact", e->contact);
    json_number(&j, "messages", e->messages);
    json_number(&j, "files", e->files);
    json_time(&j, "first", e->first_us);
    json_time(&j, "last", e->last_us);
    json_object_end(&j);
    fprintf(out, "%s%s", first ? "" : ",\n", line);
}

bool graph_write(const struct graph *g, const struct catalog *catalog, FILE *out)
{
    bool first = true;

    fputs("{\"nodes\":[\n", out);
    for (uint32_t i = 0; i < g->nodes; i++) {
        if (g->node[i].key == 0)
            continue;
        write_node(g, &g->node[i], catalog, first, out);
        first = false;
    }
    fputs("],\n\"edges\":[\n", out);
    first = true;
    for (uint32_t i = 0; i < g->edges; i++) {
        const struct edge *e = &g->edge[i];
        uint32_t from = e->from != 0 ? id_of(g, e->from) : 0, to = from != 0 ? id_of(g, e->to) : 0;
        if (to == 0)
            continue;
        write_edge(e, from, to, first, out);
        first = false;
    }
    fprintf(out, "],\n\"forgotten\":%llu}\n", (unsigned long long)g->status.forgotten);
    return fflush(out) == 0 && ferror(out) == 0;
}

void graph_status(const struct graph *g, struct graph_status *out)
{
    *out = g->status;
}
