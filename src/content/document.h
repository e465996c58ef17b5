/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text out of documents (docx, xlsx, pptx, odt, ods, odp, pdf, rtf, html, csv, plain), for the search for
 * leaks. Parsers of such formats are attacked, so each document is read by a process of its own that has no
 * files, no network, bounded memory and time (document_child.c).
 *
 * Those processes are children of a helper, which is started before the program confines itself and before
 * it has threads; afterwards it could start none. The helper is this program again, by its hidden command
 * DOCUMENT_COMMAND, so that nothing of ours (keys, messages) is in its memory.
 */
#pragma once
#include "base/error.h"
#include "base/view.h"

#define DOCUMENT_COMMAND "document-text"

/* Told of the text in pieces, UTF-8. */
typedef void document_text(void *context, struct view text);

enum document_answer {
    DOCUMENT_DONE,
    DOCUMENT_NO_TEXT, /* not a kind that has text */
    DOCUMENT_CUT,     /* more text than `most_bytes` */
    DOCUMENT_ENCRYPTED,
    DOCUMENT_FAILED, /* broken, or the child died or took too long; err says which */
};

/* Why not all of its text was told; NULL: all was, or it is of a kind that has none. */
const char *document_answer_text(enum document_answer a);

struct documents;

/* Start the helper: while there is one thread yet, as the user who is to read documents, and before
 * sandbox_paths(). It ends with documents_free(), or with us; whoever wants to bury it waits for any child.
 */
bool documents_new(struct documents **out, struct imw_error_info *err) IMW_MUST_USE;
void documents_free(struct documents *d);

/* `media_type` by content (scan.h). At most `timeout_ms`. Any thread, several at a time. Moves the position
 * of `fd`. Calls what the sensor's sandbox allows only. Text may have been told before a failure. */
enum document_answer document_read(struct documents *d, int fd, const char *media_type, uint64_t most_bytes,
                                   unsigned timeout_ms, document_text *text, void *context,
                                   struct imw_error_info *err);

/* The helper itself, for the command; its socket is standard input. Returns the exit status. */
int document_helper(void);
