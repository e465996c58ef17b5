/* SPDX-License-Identifier: Apache-2.0 */
/* The words of `imward policy` that have a file of their own. Each takes its arguments, argv[0] being the
 * word. */
#pragma once
#include "cli/cli.h"
#include "policy/policy.h"

int policy_test(int argc, char **argv);
int policy_diff(int argc, char **argv);
int policy_drill(int argc, char **argv);
int policy_export(int argc, char **argv);
int policy_follow(int argc, char **argv);

/* What `imward policy --help` prints. */
int policy_help(void);

/* A catalog, NULL: the built-in one. */
bool policy_catalog(const char *path, struct catalog **out, struct imw_error_info *err) IMW_MUST_USE;

/* Why a rule did not decide: ", differs: group; not known: hours". */
void policy_print_reason(FILE *out, const struct policy_reason *r);
