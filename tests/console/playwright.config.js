// SPDX-License-Identifier: Apache-2.0
// The journeys run one after the other against one server: a later one finds what an earlier one left, as people do.
// tests/check/console-journeys starts the server and says where it is.
import { defineConfig } from '@playwright/test'

export default defineConfig({
  testDir: 'journeys',
  outputDir: process.env.IMWARD_JOURNEY_WORK ? `${process.env.IMWARD_JOURNEY_WORK}/results` : undefined,
  workers: 1,
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
    launchOptions: { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] },
  },
})
