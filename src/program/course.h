/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Courses: modules to read (Markdown, pictures, films), a pool of questions, and the rules of the test.
 *
 *     course.c         versions: a draft, publication, what there is
 *     course_edit.c    modules and questions of the draft
 *     course_asset.c   pictures and films: what they are by their content, and their octets
 *     course_ours.c    courses that come with the program (src/program/courses)
 *
 * A course has versions, as documents have: what was published is never changed, and a certificate names it.
 * Whoever changes a published course changes a draft, which is made of it; modules and questions keep their
 * numbers. Right answers are shown to those who write courses and to examiners, for all others take the test.
 */
#pragma once
#include "program/act.h"
#include <stdio.h>

enum {
    COURSE_TITLE_BYTES = 200,
    COURSE_SUMMARY_BYTES = 2000,
    COURSE_BODY_BYTES = 60000, /* of a module */
    COURSE_MODULES = 60,
    COURSE_QUESTIONS = 500,
    COURSE_OPTIONS = 8, /* of a question */
    COURSE_OPTION_BYTES = 1000,
    COURSE_QUESTION_BYTES = 4000, /* its text; its explanation */
    COURSE_ASSETS = 200,
    ASSET_NAME_SIZE = 81,
    ASSET_PICTURE_BYTES = 8 << 20,
    ASSET_DRAWING_BYTES = 1 << 20, /* SVG */
    ASSET_FILM_BYTES = 200 << 20,
    ASSET_PIECE_BYTES = 256 << 10,
};

/* ---- what there is: shapes of web/src/api/types.ts ---- */
bool courses_json(struct act *a, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
/* `version` 0: the draft, else what is published, else the last. */
bool course_json(struct act *a, int64_t id, int64_t version, json_t **out,
                 struct imw_error_info *err) IMW_MUST_USE;

/* ---- writing ---- */
/* {title} or {template}. */
bool course_begin(struct act *a, const json_t *body, int64_t *out_id,
                  struct imw_error_info *err) IMW_MUST_USE;
/* {title?, summary?, rules?, retired?} */
bool course_change(struct act *a, int64_t id, const json_t *body, struct imw_error_info *err) IMW_MUST_USE;
bool course_undraft(struct act *a, int64_t id, struct imw_error_info *err) IMW_MUST_USE;
bool course_put_out(struct act *a, int64_t id, struct imw_error_info *err) IMW_MUST_USE;
/* `number` 0: a new one. */
bool module_put(struct act *a, int64_t course, int64_t number, const json_t *body,
                struct imw_error_info *err) IMW_MUST_USE;
bool module_drop(struct act *a, int64_t course, int64_t number, struct imw_error_info *err) IMW_MUST_USE;
bool question_put(struct act *a, int64_t course, int64_t number, const json_t *body,
                  struct imw_error_info *err) IMW_MUST_USE;
bool question_drop(struct act *a, int64_t course, int64_t number, struct imw_error_info *err) IMW_MUST_USE;

/* ---- pictures and films ---- */
struct course_asset {
    int64_t id;
    uint64_t size;
    char name[ASSET_NAME_SIZE], type[32];
};
/* Keep the file at `path`. What it is, its content says; its name gets the ending of that. A drawing (SVG)
 * that could do anything but be drawn is refused. */
bool asset_keep(struct act *a, int64_t course, const char *name, const char *path, json_t **out,
                struct imw_error_info *err) IMW_MUST_USE;
/* `published`: only if the published version shows it. */
bool asset_find(struct act *a, int64_t course, const char *name, bool published, struct course_asset *out,
                struct imw_error_info *err) IMW_MUST_USE;
/* Octets [from, from + count) of it. */
bool asset_read(struct db *db, const struct course_asset *asset, uint64_t from, uint64_t count, FILE *to,
                struct imw_error_info *err) IMW_MUST_USE;
bool asset_drop(struct act *a, int64_t course, const char *name, struct imw_error_info *err) IMW_MUST_USE;
/* The media type of a file that begins so (at least 64 octets of it, where it has as many); NULL: none of
 * ours. */
const char *asset_type(struct view begin);
/* May this drawing be shown? False: *out_why says what in it may not be. */
bool asset_drawing_fine(struct view svg, const char **out_why);

/* ---- courses that come with the program ---- */
/* One file of src/program/courses/KEY, built in (made by src/program/courses/embed.py). */
struct course_file {
    const char *course, *name;
    const unsigned char *bytes;
    unsigned len;
};
extern const struct course_file course_files[];
extern const unsigned course_files_count;
/* [{key, title, summary, modules, questions, minutes}] */
bool course_templates(json_t **out, struct imw_error_info *err) IMW_MUST_USE;
/* All of it into the (empty) draft of a course. */
bool course_fill(struct act *a, int64_t course, const char *key, struct imw_error_info *err) IMW_MUST_USE;

/* ---- between the files of this ---- */
/* The draft's row, made of the published version where there is none. */
bool course_draft(struct act *a, int64_t course, int64_t *out_version,
                  struct imw_error_info *err) IMW_MUST_USE;
bool course_touched(struct act *a, int64_t version, struct imw_error_info *err) IMW_MUST_USE;
/* A text of the question: there, not blank, not longer than `most`. */
bool course_text(struct act *a, const json_t *body, const char *key, size_t most, const char **out,
                 struct imw_error_info *err) IMW_MUST_USE;
bool asset_keep_bytes(struct act *a, int64_t course, const char *name, struct view bytes,
                      struct imw_error_info *err) IMW_MUST_USE;
/* SHA-256 in lower-case hexadecimal. */
enum { SHA256_TEXT = 65 };
void sha256_text(struct view bytes, char out[SHA256_TEXT]);
