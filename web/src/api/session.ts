/**
 * Who is signed in: by the session's cookie, which scripts cannot see, or by a token for this tab.
 * VORI in development mode asks for neither.
 */

const KEY = 'vori.token'
const listeners = new Set<() => void>()
let isOver = false

export const session = {
  token: (): string | null => sessionStorage.getItem(KEY),

  /** Use a token in this tab. */
  useToken(token: string): void {
    sessionStorage.setItem(KEY, token)
    isOver = false
    announce()
  },

  /** Somebody has signed in, by cookie. */
  begin(): void {
    sessionStorage.removeItem(KEY)
    isOver = false
    announce()
  },

  /** The server does not know what was sent with a request (any more). */
  expire(): void {
    if (isOver) return
    isOver = true
    announce()
  },

  async signOut(): Promise<void> {
    sessionStorage.removeItem(KEY)
    // Whether it could be told or not, this tab shows nothing any more.
    await fetch('/api/session', { method: 'DELETE' }).catch(() => undefined)
    isOver = true
    announce()
  },

  isOver: (): boolean => isOver,

  subscribe(listener: () => void): () => void {
    listeners.add(listener)
    return () => listeners.delete(listener)
  },
}

function announce(): void {
  listeners.forEach((listener) => {
    listener()
  })
}
