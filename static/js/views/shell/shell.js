/**
 * The shell: the frame around the talk (room list, room head, side, banner, own name), and what opens panels. Each
 * panel is loaded when it is first opened.
 */
import { mayRename } from "../../core/permissions.js";
import { openRoom, roomNamed } from "../../core/select.js";
import { isTouchScreen } from "../parts/hands.js";
import { Toasts } from "../parts/toast.js";
import { hasModal } from "../parts/layers.js";
import { followKeys } from "./keys.js";
import { fetchLater, followFailures } from "./preload.js";
import { Knocked } from "./knocked.js";
import { LostIdentity } from "./lost-identity.js";
import { Me } from "./me.js";
import { NameQuestion } from "./name-question.js";
import { NewerPage } from "./newer-page.js";
import { News } from "./news.js";
import { RoomHead } from "./room-head.js";
import { RoomList } from "./room-list.js";
import { Routes } from "./routes.js";
import { Screen } from "./screen.js";
import { Side } from "./side.js";
import { ConnectionStatus } from "./status.js";

/** Whether the side lies over the room. */
const isOverlay = () => matchMedia("(max-width: 75rem)").matches;
const byId = (id) => document.getElementById(id);

/**
 * @param {import("../../app/app.js").App} app
 * @param {{route: object}} options what the address asked for
 * @returns {object} what views ask of each other: to open a room or a panel, to show a toast. `talk` is set by boot/all-views.js.
 */
export function mountShell(app, { route }) {
  const toasts = new Toasts();
  followFailures(toasts);
  const side = new Side(byId("side"));
  const screen = new Screen(document.body, {
    onRoom(name) {
      if (name !== app.state.open && !app.state.rooms.has(name)) return false;
      open(name, { isBack: true });
      return true;
    },
    onLink: (hash) => routes.follow(hash),
  });
  const say = (answer) => answer.ok || toasts.show(answer.message, { isBad: true });

  /** Open a room, on phones instead of the list. */
  async function open(asked, { isBack = false } = {}) {
    const name = roomNamed(app.state, asked);
    if (isOverlay()) side.close();
    list.clearFilter();
    if (!isBack) screen.toRoom(name);
    const answer = name === app.state.open ? { ok: true } : await app.openRoom(name);
    say(answer);
    if (answer.ok && !isBack && !isTouchScreen()) shell.talk?.focus?.();
  }

  /** Opens a panel, which is loaded with the first of them. */
  const panel = (name) => async (...about) => (await import("../panels/panels.js"))[name](shell, ...about);
  const makeInfo = panel("makeRoomInfo");
  const shell = {
    app,
    talk: null,
    open,
    say,
    toast: (text, options) => toasts.show(text, options),
    toList: () => screen.toList(),
    cleanAddress: () => screen.cleanAddress(),
    settings: panel("openSettings"),
    person: panel("openPersonCard"),
    invite: panel("openInvite"),
    newRoom: panel("openNewRoom"),
    setTopic: panel("openSetTopic"),
    newDirect: panel("openNewDirect"),
    directory: panel("openDirectory"),
    roomMenu: panel("openRoomMenu"),
    requests: panel("openRequests"),
    help: panel("openHelp"),
    info: () => side.toggle("info", makeInfo),
    album: () => side.show("album", panel("makeAlbum")),
    showInfo: () => side.show("info", makeInfo),
    report: panel("openReport"),
    moderate: panel("openModerate"),
    openSide: (name, make) => side.toggle(name, make),
    jump: async (room, seq) => {
      if (isOverlay()) side.close();
      const name = roomNamed(app.state, room);
      shell.talk?.forgetPlace(name);
      screen.toRoom(name);
      say(await app.jumpTo(room, seq));
    },
    closeSide: () => side.close(),
    leave: panel("askToLeave"),
    mayRename: (room) => mayRename(app.state, room),
    search: () => shell.talk?.openSearch?.(),
  };

  const list = new RoomList(byId("rail-list"), byId("filter"), { onOpen: open, onBrowse: shell.directory, onRequests: shell.requests, onLeave: () => shell.talk?.focus(), onMenu: shell.roomMenu });
  const head = new RoomHead(
    app,
    {
      head: byId("room-head"), avatar: byId("room-avatar"), title: byId("room-title"), people: byId("room-people"),
      back: byId("back"), search: byId("search"), info: byId("info"), visit: byId("visit"),
    },
    {
      onBack: () => screen.toList(),
      onSearch: shell.search,
      onInfo: shell.info,
      onEnter: async () => say(await app.enter(app.state.open)),
    },
  );
  byId("new").addEventListener("click", () => panel("openNewMenu")(byId("new")));
  byId("help").addEventListener("click", shell.help);
  const lost = new LostIdentity(shell);
  const views = [
    lost,
    list,
    head,
    new ConnectionStatus(byId("status"), byId("banner"), { onTryNow: () => (app.state.lost ? lost.open() : app.tryNow()) }),
    new Me(byId("me"), { onOpen: () => shell.settings() }),
    new NameQuestion(app, byId("name-question"), byId("composer"), { onDone: () => shell.talk?.focus?.() }),
    new News(app, { onOpen: (room, seq) => shell.jump(room, seq) }),
    new NewerPage(shell),
    new Knocked(shell, byId("rail-list")),
    side,
  ];
  // The room before the one that the address asks for.
  screen.remember(openRoom(app.state).name);
  const routes = new Routes(shell, route);
  followKeys({
    help: shell.help,
    filter: () => {
      screen.toList();
      byId("filter").focus();
    },
    next: (step, isUnreadOnly) => {
      const name = list.neighbour(step, isUnreadOnly);
      if (name) open(name);
    },
    isModal: hasModal,
    places: () => [byId("filter"), byId("chat"), shell.talk?.field, byId("side")],
  });
  let isFetching = false;
  shell.render = (state) => {
    if (!isFetching && state.connection.phase === "online") {
      isFetching = true;
      fetchLater();
    }
    for (const view of views) view.render(state);
    byId("search").hidden = !shell.talk?.openSearch;
    screen.remember(openRoom(state).name);
    // Refused commands that are not shown in the log.
    for (const { id, message } of state.notices) {
      toasts.show(message, { isBad: true });
      app.dismiss(id);
    }
  };
  return shell;
}
