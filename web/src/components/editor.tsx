// SPDX-License-Identifier: Apache-2.0
// The editor of policies and documents: a real text field (so that every reader of screens, every key of the system and its undo work),
// transparent over the same text in colours, with line numbers and the problems of each line beside it.
import { forwardRef, useId, useImperativeHandle, useMemo, useRef, type KeyboardEvent } from 'react'
import { markdownPieces } from '../lib/markdown-words'
import { indentAfter, pieces } from '../lib/yaml-words'

export interface Problem { line: number; column: number; key: string; text: string; level: 'error' | 'warning' }
export interface EditorHandle { goTo: (line: number, column?: number) => void }

export const Editor = forwardRef<EditorHandle, { label: string; value: string; onChange: (text: string) => void; readOnly?: boolean; markdown?: boolean; problems: readonly Problem[] }>(function Editor({ label, value, onChange, readOnly, markdown, problems }, handle) {
  const field = useRef<HTMLTextAreaElement>(null)
  const help = useId()
  const lines = useMemo(() => value.split('\n'), [value])
  const coloured = useMemo(() => (markdown ? markdownPieces(lines) : lines.map(pieces)), [lines, markdown])
  const worst = useMemo(() => {
    const map = new Map<number, Problem>()
    for (const one of problems) if (map.get(one.line)?.level !== 'error') map.set(one.line, one)
    return map
  }, [problems])
  useImperativeHandle(handle, () => ({
    goTo(line, column = 1) {
      const element = field.current
      if (!element) return
      const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0)
      const length = lines[line - 1]?.length ?? 0
      element.focus({ preventScroll: true })
      element.setSelectionRange(start + Math.min(column - 1, length), start + length)
      element.closest('.editor-scroll')?.querySelector(`[data-line="${line}"]`)?.scrollIntoView({ block: 'center' })
    },
  }), [lines])
  const onKey = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.key !== 'Enter' || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.nativeEvent.isComposing) return
    const element = event.currentTarget
    const before = element.value.slice(0, element.selectionStart)
    const indent = markdown && (before.match(/^```/gm) ?? []).length % 2 === 0 ? '' : indentAfter(before.slice(before.lastIndexOf('\n') + 1))
    if (indent === '') return
    event.preventDefault()
    document.execCommand('insertText', false, `\n${indent}`) // the one way that keeps the field's own undo
  }
  return (
    <div className="editor-scroll">
      <p className="hidden-text" id={help}>{problems.length === 0 ? 'No problems.' : `${problems.length} problems, listed beside the editor.`}</p>
      <div className={markdown ? 'editor wrapped' : 'editor'}>
        {!markdown && <div className="editor-lines" aria-hidden="true">
          {lines.map((_, i) => {
            const problem = worst.get(i + 1)
            return <span key={i} data-line={i + 1} className={problem ? `line-${problem.level}` : ''} title={problem?.text}>{i + 1}</span>
          })}
        </div>}
        <div className="editor-text">
          <pre aria-hidden="true">
            {coloured.map((line, i) => (
              <span key={i} {...(markdown && { 'data-line': i + 1 })} className={`editor-line${worst.has(i + 1) ? ` has-${worst.get(i + 1)?.level}` : ''}`}>
                {line.map((piece, j) => (piece.kind === 'plain' ? piece.text : <span key={j} className={`word-${piece.kind}`}>{piece.text}</span>))}
                {'\n'}
              </span>
            ))}
          </pre>
          <textarea ref={field} aria-label={label} aria-describedby={help} value={value} onChange={event => onChange(event.target.value)} onKeyDown={onKey} readOnly={readOnly ?? false} spellCheck={markdown ?? false} autoCapitalize="off" autoComplete="off" autoCorrect="off" wrap={markdown ? 'soft' : 'off'} />
        </div>
      </div>
    </div>
  )
})
