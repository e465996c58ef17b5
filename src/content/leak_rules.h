/* SPDX-License-Identifier: Apache-2.0 */
/* What the search for leaks is made of: inside content/leak*.c only. */
#pragma once
#include "content/exact.h"
#include "content/leak.h"
#include <hs/hs.h>

enum {
    LEAK_PATTERN_MOST = 1024, /* bytes that a pattern may match */
    LEAK_KEYWORD_MOST = 200,  /* bytes of a keyword */
    LEAK_KEYWORDS = 100000,
    LEAK_PATTERNS = 1000,
};

/* Identifiers in the database: these, then the patterns, then the keywords. */
enum { EVENT_BIC, EVENT_COUNT };

struct leak_keyword {
    char *text; /* as in the list */
    char name[LEAK_NAME_BYTES];
};

struct leak_own {
    char name[LEAK_NAME_BYTES];
    unsigned longest;       /* match */
    hs_database_t *exactly; /* the pattern alone, which tells where a match begins */
};

struct leak_rules {
    uint32_t kinds;
    unsigned run;            /* so many digits in a row are a candidate; 0: numbers are not looked for */
    bool pairs;              /* and so are two, behind two more pairs */
    bool mail;               /* and an '@' */
    hs_database_t *database; /* NULL: nothing for it to look for */
    hs_scratch_t *scratch;   /* cloned for each search; fits every database here */
    struct leak_own *own;
    unsigned own_count;
    struct leak_keyword *keyword;
    unsigned keyword_count;
    struct exact *exact;
};
