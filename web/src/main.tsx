// SPDX-License-Identifier: Apache-2.0
import { createRoot } from 'react-dom/client'
import { App } from './app/app'
import { loadSession } from './app/session'
import './app/theme'
import './style/tokens.css'
import './style/base.css'
import './style/shell.css'
import './style/controls.css'
import './style/page.css'
import './style/table.css'
import './style/charts.css'

void loadSession()
const root = document.getElementById('root')
if (root) createRoot(root).render(<App />)
