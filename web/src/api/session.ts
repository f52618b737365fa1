/** Who is signed in on this tab: a token, or nobody (VORI in development mode asks for none). */

const KEY = 'vori.token'
const listeners = new Set<() => void>()
let isSignedOut = false

export const session = {
  token: (): string | null => sessionStorage.getItem(KEY),

  signIn(token: string): void {
    sessionStorage.setItem(KEY, token)
    isSignedOut = false
    announce()
  },

  /** The server does not know the token (any more). */
  expire(): void {
    if (isSignedOut) return
    isSignedOut = true
    announce()
  },

  signOut(): void {
    sessionStorage.removeItem(KEY)
    isSignedOut = true
    announce()
  },

  isSignedOut: (): boolean => isSignedOut,

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
