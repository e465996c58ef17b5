/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings files: a strict subset of YAML 1.2, read whole into a tree that knows where each value stands.
 *
 * One document of mappings with text keys, sequences and scalars. Refused, with file, line and column: a key
 * given twice, anchors, aliases, tags, a second document, bytes that are no UTF-8 text, anything beyond the
 * limits below. A value has the type that its reader asks for; nothing is guessed from its spelling.
 *
 * A typical reader:
 *
 *     static const char *const keys[] = { "name", "action", NULL };
 *     struct view name;
 *     const struct yaml_node *node;
 *
 *     if (!yaml_known_keys(rule, keys, err) || !yaml_need(rule, "name", &node, err) ||
 *         !yaml_string(node, &name, err))
 *         return false;
 *
 * Every failure names the place and the key path: "policy.yaml:7:9: rules[2].action: unknown action 'blok'".
 */
#pragma once
#include "base/error.h"

enum {
    YAML_BYTES = 16 << 20, /* longest file */
    YAML_NODES = 2 << 20,  /* most values in it */
    YAML_DEPTH = 32,       /* deepest nesting */
    YAML_KEYS = 1024,      /* most keys of one mapping */
};

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml;
struct yaml_node;

/* Read a file. True: caller owns *out, yaml_free(). False: untouched. */
bool yaml_load(const char *path, struct yaml **out, struct imw_error_info *err) IMW_MUST_USE;
/* The same from memory; `name` stands for the file in errors. */
bool yaml_parse(const char *name, struct view text, struct yaml **out,
                struct imw_error_info *err) IMW_MUST_USE;
void yaml_free(struct yaml *y); /* nodes and views of it die with it; NULL is fine */

const struct yaml_node *yaml_root(const struct yaml *y); /* never NULL */
const char *yaml_name(const struct yaml *y);             /* the file, as errors name it */

/* Walking: the values of a mapping or sequence in the order of the file; NULL: no more. A scalar has none. */
const struct yaml_node *yaml_first(const struct yaml_node *n);
const struct yaml_node *yaml_next(const struct yaml_node *n);
unsigned yaml_count(const struct yaml_node *n);
struct view yaml_key(const struct yaml_node *n); /* of a value in a mapping; else empty */
unsigned yaml_line(const struct yaml_node *n);
enum yaml_kind yaml_kind(const struct yaml_node *n);

/* The value under `key`; NULL where `map` has no such key (or is no mapping). */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);
/* The same, where it must be there. */
bool yaml_need(const struct yaml_node *map, const char *key, const struct yaml_node **out,
               struct imw_error_info *err) IMW_MUST_USE;

/* Is it of this kind? */
bool yaml_expect(const struct yaml_node *n, enum yaml_kind kind, struct imw_error_info *err) IMW_MUST_USE;
/* A mapping whose keys are all in `known`, which ends with NULL. The error names the nearest known key. */
bool yaml_known_keys(const struct yaml_node *n, const char *const *known,
                     struct imw_error_info *err) IMW_MUST_USE;
/* Text that is not empty, and not null. Followed by a NUL, which is not counted; holds none. */
bool yaml_string(const struct yaml_node *n, struct view *out, struct imw_error_info *err) IMW_MUST_USE;
/* The same, of one line of at most `most` bytes. */
bool yaml_one_line(const struct yaml_node *n, size_t most, struct view *out,
                   struct imw_error_info *err) IMW_MUST_USE;
/* A decimal integer from `min` to `max`. */
bool yaml_integer(const struct yaml_node *n, int64_t min, int64_t max, int64_t *out,
                  struct imw_error_info *err) IMW_MUST_USE;
/* `true` or `false`, unquoted. */
bool yaml_bool(const struct yaml_node *n, bool *out, struct imw_error_info *err) IMW_MUST_USE;

/* Something is wrong with this value: set `err` to its place and key path. Returns false. */
bool yaml_error(const struct yaml_node *n, struct imw_error_info *err, const char *format, ...)
    IMW_PRINTF(3, 4);

/* The word of `known` (ends with NULL) that `v` is probably meant to be, or NULL: for hints in errors. */
const char *yaml_nearest(struct view v, const char *const *known);
