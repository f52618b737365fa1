import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router'
import { MeetingsPage } from './pages/Meetings'
import { isPart, type Part } from './pages/parts'
import { Broken, NotFound, Shell } from './pages/Shell'

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
  component: lazyRouteComponent(() => import('./pages/Meeting'), 'MeetingPage'),
})

const board = createRoute({
  getParentRoute: () => root,
  path: '/board',
  validateSearch: (search: Record<string, unknown>): { ticket?: string } =>
    typeof search.ticket === 'string' ? { ticket: search.ticket } : {},
  component: lazyRouteComponent(() => import('./pages/Board'), 'BoardPage'),
})

const dashboard = createRoute({
  getParentRoute: () => root,
  path: '/dashboard',
  component: lazyRouteComponent(() => import('./pages/Dashboard'), 'DashboardPage'),
})

const search = createRoute({
  getParentRoute: () => root,
  path: '/search',
  validateSearch: (given: Record<string, unknown>): { q?: string } =>
    typeof given.q === 'string' || typeof given.q === 'number' ? { q: String(given.q) } : {},
  component: lazyRouteComponent(() => import('./pages/Search'), 'SearchPage'),
})

const settings = createRoute({
  getParentRoute: () => root,
  path: '/settings',
  validateSearch: (given: Record<string, unknown>): { part?: Part } =>
    isPart(given.part) ? { part: given.part } : {},
  component: lazyRouteComponent(() => import('./pages/Settings'), 'SettingsPage'),
})

const admin = createRoute({
  getParentRoute: () => root,
  path: '/admin',
  component: lazyRouteComponent(() => import('./pages/Admin'), 'AdminPage'),
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
