import { GroupViewBody, ReplicaReportBody } from '../wire/index.ts';

/** A view as the text of an ext field. */
export const viewText = (view: GroupViewBody): string =>
  new TextDecoder().decode(GroupViewBody.encode(view));

/** Fails `invalid`. */
export const readReport = (text: string): ReplicaReportBody =>
  ReplicaReportBody.decode(new TextEncoder().encode(text));
