/* SPDX-License-Identifier: Apache-2.0 */
/* The colours of a report: dark to pale in steps that black-and-white print keeps apart. Private to
 * report*.c. */
#pragma once
#include "program/report_paper.h"

static const double report_inks[INK_COUNT][3] = {
    [INK_TEXT] = { 0.13, 0.15, 0.18 },    [INK_NAVY] = { 0.07, 0.19, 0.32 },
    [INK_GREY] = { 0.36, 0.40, 0.45 },    [INK_RULE] = { 0.78, 0.81, 0.84 },
    [INK_PALE] = { 0.955, 0.965, 0.975 }, [INK_MID] = { 0.55, 0.67, 0.78 },
    [INK_DARK] = { 0.10, 0.29, 0.46 },    [INK_WHITE] = { 1, 1, 1 },
};
