// SPDX-License-Identifier: Apache-2.0
// A place to drop a file on, or to choose one.
import { Button as AriaButton } from 'react-aria-components/Button'
import { DropZone } from 'react-aria-components/DropZone'
import { FileTrigger } from 'react-aria-components/FileTrigger'
import { Text } from 'react-aria-components/Text'
import { Icon } from './icon'

export function FilePick({ file, onChoose, types, label }: { file: File | null; onChoose: (file: File) => void; types: readonly string[]; label: string }) {
  return (
    <DropZone className="drop-zone" getDropOperation={() => 'copy'} onDrop={event => {
      const item = event.items.find(one => one.kind === 'file')
      if (item?.kind === 'file') void item.getFile().then(onChoose)
    }}>
      <Icon name="import" size={28} />
      <Text slot="label">{file ? file.name : label}</Text>
      <FileTrigger acceptedFileTypes={types} onSelect={list => { const one = list?.[0]; if (one) onChoose(one) }}>
        <AriaButton className={file ? 'button' : 'button primary'}>{file ? 'Choose another …' : 'Choose a file …'}</AriaButton>
      </FileTrigger>
    </DropZone>
  )
}
