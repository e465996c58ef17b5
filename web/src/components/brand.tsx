// SPDX-License-Identifier: Apache-2.0
export const Mark = ({ size = 26 }: { size?: number }) => (
  <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true">
    <rect width="32" height="32" rx="7" fill="var(--accent)" />
    <path d="M8 9h16v11H14l-5 4v-4H8z" fill="none" stroke="var(--on-accent)" strokeWidth="2.2" strokeLinejoin="round" />
    <path d="M12.5 14.5l2.6 2.4 4.6-4.6" fill="none" stroke="var(--on-accent)" strokeWidth="2.2" strokeLinecap="round" strokeLinejoin="round" />
  </svg>
)
export const Brand = () => <div className="alone-brand"><Mark size={30} /><span>imward</span></div>
