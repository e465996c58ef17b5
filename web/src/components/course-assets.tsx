// SPDX-License-Identifier: Apache-2.0
// Pictures and films of a course: brought in, looked at, removed while no published version shows them.
import { useState } from 'react'
import { Button as AriaButton } from 'react-aria-components/Button'
import { DropZone } from 'react-aria-components/DropZone'
import { FileTrigger } from 'react-aria-components/FileTrigger'
import { Text } from 'react-aria-components/Text'
import { ApiError, remove, unreachable, upload } from '../api/client'
import { invalidate, useAction } from '../api/query'
import type { Course, CourseAsset } from '../api/types'
import { toast } from '../app/announce'
import { Button, Confirm, Failure, Progress } from './controls'
import { CopyText } from './copy'
import { assetOf } from './course-modules'
import { Icon } from './icon'
import { Empty, Panel } from './page'
import { bytes } from '../lib/format'

export function CourseAssets({ course, write }: { course: Course; write: boolean }) {
  const [sending, setSending] = useState<{ name: string; part: number } | null>(null)
  const [failed, setFailed] = useState<ApiError | null>(null)
  const [dropping, setDropping] = useState<CourseAsset | null>(null)
  const drop = useAction(async (one: CourseAsset) => { await remove(`/courses/${course.id}/assets/${encodeURIComponent(one.name)}`); return true }, 'training')
  const address = assetOf(course.id)
  const send = async (file: File) => {
    setFailed(null)
    setSending({ name: file.name, part: 0 })
    try {
      const made = await upload<CourseAsset>(`/courses/${course.id}/assets`, file, { name: file.name }, part => setSending({ name: file.name, part }))
      toast(`${made.name} is there`)
      invalidate('training')
    } catch (error) {
      setFailed(error instanceof ApiError ? error : unreachable())
    }
    setSending(null)
  }
  return (
    <Panel title="Pictures and films" note="PNG, JPEG, SVG, MP4 or WebM. A text shows one by the line that stands below it.">
      <div className="stack">
        {write && (sending ? <Progress label={`Sending ${sending.name}`} part={sending.part} /> : (
          <DropZone className="drop-zone" getDropOperation={() => 'copy'} onDrop={event => {
            const item = event.items.find(one => one.kind === 'file')
            if (item?.kind === 'file') void item.getFile().then(send)
          }}>
            <Icon name="import" size={24} />
            <Text slot="label">Drop a picture or a film here: pictures up to 8 MiB, films up to 200 MiB</Text>
            <FileTrigger acceptedFileTypes={['image/png', 'image/jpeg', 'image/svg+xml', 'video/mp4', 'video/webm']} onSelect={list => { const file = list?.[0]; if (file) void send(file) }}>
              <AriaButton className="button">Choose a file …</AriaButton>
            </FileTrigger>
          </DropZone>
        ))}
        <Failure error={failed} />
        {course.assets.length === 0 ? <Empty title="None yet">A picture says what a page of text does not.</Empty> : (
          <ul className="plain assets">
            {course.assets.map(one => (
              <li key={one.name} className="asset">
                {one.type.startsWith('video/') ? <video className="asset-picture" controls preload="metadata" aria-label={one.name} src={address(one.name)} /> : <img className="asset-picture" src={address(one.name)} alt="" loading="lazy" />}
                <div className="asset-words"><strong className="wrap">{one.name}</strong><span className="muted small">{bytes(one.size)}{one.by && `, ${one.by}`}</span></div>
                {write && <CopyText text={`![](asset:${one.name})`} what={`the line for ${one.name}`} />}
                {write && <div><Button small tone="quiet" icon="trash" aria-label={`Remove ${one.name}`} onPress={() => setDropping(one)}>Remove</Button></div>}
              </li>
            ))}
          </ul>
        )}
      </div>
      <Confirm title={`Remove ${dropping?.name ?? ''}`} open={dropping !== null} onClose={() => setDropping(null)} act="Remove it" danger busy={drop.busy} error={drop.error} onConfirm={() => dropping && void drop.run(dropping).then(done => { if (done) { setDropping(null); toast('Removed') } })}>
        <p>Texts of the draft that show it will say that it is missing. What a published version shows cannot be removed.</p>
      </Confirm>
    </Panel>
  )
}
