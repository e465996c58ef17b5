// SPDX-License-Identifier: Apache-2.0
// The journeys run against one server, two beside each other: a later one finds what an earlier one left, as people do, and
// says here which that is. tests/check/console-journeys starts the server and says where it is.
import { defineConfig } from '@playwright/test'

const AFTER = {
  '01-first-run': [], '02-accounts': ['01-first-run'],
  '03-engineer': ['02-accounts'], '08-training': ['02-accounts'], '08-keyboard': ['02-accounts'],
  '04-compliance': ['03-engineer'], // its policy is the newer one
  '08-program': ['03-engineer'], // beside 04: what waits for something waits for all that could run with it
  '05-manager': ['04-compliance'], '06-employee': ['04-compliance'], '07-examiner': ['04-compliance'],
  '08-risk': ['04-compliance', '08-program'], // a document in force, a service that is used
}
AFTER['09-pages'] = AFTER['10-dialogs'] = Object.keys(AFTER) // of everything there is an example then
const some = process.env.JOURNEYS?.split(' ') // those alone, in their order

export default defineConfig({
  testDir: 'journeys',
  projects: Object.entries(AFTER).filter(([name]) => !some || some.some(begin => name.startsWith(begin)))
    .map(([name, after]) => ({ name, testMatch: `${name}.spec.js`, dependencies: some ? [] : after })),
  outputDir: process.env.IMWARD_JOURNEY_WORK ? `${process.env.IMWARD_JOURNEY_WORK}/results` : undefined,
  workers: some ? 1 : 2,
  fullyParallel: false,
  retries: 0,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  reporter: [['list']],
  use: {
    baseURL: process.env.IMWARD_CONSOLE ?? 'https://127.0.0.1:8443',
    ignoreHTTPSErrors: true,
    locale: 'en-GB',
    timezoneId: 'Europe/Zurich',
    viewport: { width: 1440, height: 900 },
    actionTimeout: 15_000,
    navigationTimeout: 20_000,
    screenshot: 'only-on-failure',
    launchOptions: { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--ignore-certificate-errors'] },
  },
})
