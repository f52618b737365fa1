import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router'
import { isThere } from './api/health'
import { Problem } from './api/http'
import { MeetingsPage } from './pages/Meetings'
import { isPart, type Part } from './pages/parts'
import { Broken, NotFound, Shell } from './pages/Shell'

/** The other pages, each a piece of its own. */
const pieces = {
  meeting: piece(() => import('./pages/Meeting')),
  board: piece(() => import('./pages/Board')),
  dashboard: piece(() => import('./pages/Dashboard')),
  search: piece(() => import('./pages/Search')),
  settings: piece(() => import('./pages/Settings')),
  admin: piece(() => import('./pages/Admin')),
}

/**
 * What cannot be loaded because the line is cut is told as such. The router would load the whole
 * page anew, and a running recording would lose what it keeps; it does so only for a newer VORI.
 */
function piece<T>(load: () => Promise<T>): () => Promise<T> {
  return async () => {
    try {
      return await load()
    } catch (error) {
      if (await isThere()) throw error
      throw new Problem('away', '', 0)
    }
  }
}

/** Have the pieces at hand before the line is cut; not the dashboard's, which has the charts. */
export function fetchPieces(): void {
  const { meeting, board, search, settings } = pieces
  for (const load of [meeting, board, search, settings]) load().catch(() => undefined)
}

const root = createRootRoute({
  component: Shell,
  notFoundComponent: NotFound,
  errorComponent: Broken,
})

const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/meetings', replace: true })
  },
})

const meetings = createRoute({
  getParentRoute: () => root,
  path: '/meetings',
  component: MeetingsPage,
})

const meeting = createRoute({
  getParentRoute: () => root,
  path: '/meetings/$meetingId',
  // A sentence that somebody comes for.
  validateSearch: (search: Record<string, unknown>): { caption?: string } =>
    typeof search.caption === 'string' ? { caption: search.caption } : {},
  component: lazyRouteComponent(pieces.meeting, 'MeetingPage'),
})

const board = createRoute({
  getParentRoute: () => root,
  path: '/board',
  validateSearch: (search: Record<string, unknown>): { ticket?: string } =>
    typeof search.ticket === 'string' ? { ticket: search.ticket } : {},
  component: lazyRouteComponent(pieces.board, 'BoardPage'),
})

const dashboard = createRoute({
  getParentRoute: () => root,
  path: '/dashboard',
  component: lazyRouteComponent(pieces.dashboard, 'DashboardPage'),
})

const search = createRoute({
  getParentRoute: () => root,
  path: '/search',
  validateSearch: (given: Record<string, unknown>): { q?: string } =>
    typeof given.q === 'string' || typeof given.q === 'number' ? { q: String(given.q) } : {},
  component: lazyRouteComponent(pieces.search, 'SearchPage'),
})

const settings = createRoute({
  getParentRoute: () => root,
  path: '/settings',
  validateSearch: (given: Record<string, unknown>): { part?: Part } =>
    isPart(given.part) ? { part: given.part } : {},
  component: lazyRouteComponent(pieces.settings, 'SettingsPage'),
})

const admin = createRoute({
  getParentRoute: () => root,
  path: '/admin',
  component: lazyRouteComponent(pieces.admin, 'AdminPage'),
})

export const router = createRouter({
  routeTree: root.addChildren([
    home,
    meetings,
    meeting,
    board,
    dashboard,
    search,
    settings,
    admin,
  ]),
  defaultPreload: 'intent',
  defaultErrorComponent: Broken,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
