/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions of programs, compared. Two ways, for two kinds of text:
 *
 *     VERSION_PLAIN    what vendors write: "2.14.9", "v4.2.0-beta.3", "7.0b2", "5.10.0 (4306)"
 *         A leading "v", and all from "+", white space or "(" on, do not count. The rest is cut into numbers
 * and words. Numbers are compared as numbers, of any length. Where one text ends: the rest of the other is
 * nothing as long as it is zeros ("1.0" is "1.0.0"); a word before a release (dev, a, alpha, b, beta, pre,
 *         preview, rc, "~") makes it older, any other word or number newer. Words of a pre-release have that
 *         order. SemVer 2.0.0 section 11 follows, but for a number beside a word inside of a pre-release.
 *     VERSION_PACKAGE  Debian's: "[epoch:]upstream[-revision]", by deb-version(7): "~" before all, even the
 *         end; letters before other signs; numbers as numbers
 *
 * A text without a digit is no version: it is never called old.
 */
#pragma once
#include "base/view.h"

enum version_kind { VERSION_PLAIN, VERSION_PACKAGE };
enum { VERSION_BYTES = 64 };

bool version_is(struct view text);
/* Below 0: a is older than b; 0: they are the same. */
int version_compare(enum version_kind kind, struct view a, struct view b);
/* The upstream part of a package's version: without epoch and revision. */
struct view version_upstream(struct view package);
