/** Files on their way to VORI, one at a time. They go on while people look at other pages. */

import { useSyncExternalStore } from 'react'
import { address, problemFrom, type Problem } from '../api/http'
import { session } from '../api/session'
import type { Uploaded } from '../api/types'

export interface Upload {
  meetingId: number
  name: string
  /** Part of the file that is sent, 0 to 1. */
  progress: number
  problem: Problem | null
}

export interface WantedUpload {
  meetingId: number
  language: string | null
  speakerId?: number | undefined
}

let now: Upload | null = null
let request: XMLHttpRequest | null = null
const listeners = new Set<() => void>()

function show(next: Upload | null): void {
  now = next
  listeners.forEach((listener) => {
    listener()
  })
}

export const useUpload = (): Upload | null =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => now,
  )

export const isUploading = (upload: Upload | null): boolean =>
  upload !== null && upload.problem === null

/** Resolves when VORI has the file safe, and puts it into words; fails with a Problem. */
export function upload(wanted: WantedUpload, sound: File): Promise<Uploaded> {
  const path = `/api/meetings/${wanted.meetingId}/recordings`
  const query = {
    language: wanted.language ?? undefined,
    speakerId: wanted.speakerId,
  }
  const started: Upload = {
    meetingId: wanted.meetingId,
    name: sound.name,
    progress: 0,
    problem: null,
  }
  show(started)
  // Only this old way tells how far a request's body is.
  const sending = new XMLHttpRequest()
  request = sending
  return new Promise((resolve, reject) => {
    const fail = () => {
      const problem = problemFrom(sending.status, sending.responseText)
      show({ ...started, problem })
      reject(problem)
    }
    sending.open('POST', address(path, query))
    const token = session.token()
    if (token) sending.setRequestHeader('authorization', `Bearer ${token}`)
    sending.setRequestHeader('content-type', 'application/octet-stream')
    sending.upload.onprogress = ({ loaded, total }) => {
      show({ ...started, progress: total ? loaded / total : 0 })
    }
    sending.onload = () => {
      if (sending.status >= 300) {
        fail()
        return
      }
      show(null)
      resolve(JSON.parse(sending.responseText) as Uploaded)
    }
    sending.onerror = fail
    sending.onabort = () => {
      show(null)
    }
    sending.send(sound)
  })
}

/** Give the file up, or put its problem away. */
export function forgetUpload(): void {
  request?.abort()
  show(null)
}

window.addEventListener('beforeunload', (event) => {
  if (isUploading(now)) event.preventDefault()
})
