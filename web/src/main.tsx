import './index.css'
import './i18n'
import './ui/theme'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Problem } from './api/http'
import { session } from './api/session'
import { SignInGate } from './pages/SignIn'
import { fetchPieces, router } from './routes'
import { Toasts } from './ui/toasts'

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // Away is retried until it is back; what the server refused is not asked again.
      retry: (count, error) => error instanceof Problem && error.isAway && count < 20,
      retryDelay: (count) => Math.min(1000 * 2 ** count, 10_000),
    },
  },
})
// Nothing of one person is shown to the next.
session.subscribe(() => {
  void client.resetQueries()
})

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no #root')
createRoot(root, {
  // What the API says is shown, not logged.
  onCaughtError: (error) => {
    if (!(error instanceof Problem)) console.error(error)
  },
}).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <Toasts>
        <SignInGate>
          <RouterProvider router={router} />
        </SignInGate>
      </Toasts>
    </QueryClientProvider>
  </StrictMode>,
)

const QUIET_MS = 4_000
window.setTimeout(fetchPieces, QUIET_MS)
