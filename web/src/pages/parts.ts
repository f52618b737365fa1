/** The parts of the settings; small, since the routes know them before the page is loaded. */
export const PARTS = ['profile', 'group', 'tokens', 'security'] as const
export type Part = (typeof PARTS)[number]
export const isPart = (text: unknown): text is Part => PARTS.includes(text as Part)
