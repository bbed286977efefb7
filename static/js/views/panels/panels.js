/**
 * The panels that the shell and the talk open. The packed page has them in one piece: a file for the name of each would be more
 * than it saves.
 */
export { makeAlbum } from "./album.js";
export { openDelete } from "./delete-message.js";
export { openDirectory } from "./directory.js";
export { openForward } from "./forward.js";
export { openHelp } from "./help.js";
export { openInvite } from "./invite.js";
export { openJoin } from "./join.js";
export { askToLeave } from "./leave.js";
export { openLostIdentity } from "./lost-identity.js";
export { openMessageInfo } from "./message-info.js";
export { openModerate } from "./moderate.js";
export { openNewDirect } from "./new-direct.js";
export { openNewMenu } from "./new-menu.js";
export { openNewRoom } from "./new-room.js";
export { openOwn } from "./own.js";
export { openPersonCard } from "./person-card.js";
export { openReactors } from "./reactors.js";
export { openReport } from "./report.js";
export { openRequests } from "./requests.js";
export { makeRoomInfo } from "./room-info.js";
export { openRoomMenu } from "./room-menu.js";
export { openPictures } from "./room-pictures.js";
export { makeSearch } from "./search.js";
export { openSetTopic } from "./set-topic.js";
export { openSettings } from "./settings.js";
export { openUseDeviceCode } from "./use-device-code.js";
