"""The world the sandbox starts with: a community garden's server, and two more to fail on.

Short ids, so that the shortest example works: guild 1, channel 123, message 456 (by a member) and 789 (by the
bot), member 42, role 7 (below the bot's) and role 9 (above it).
"""

from copy import copy
from datetime import UTC, datetime, timedelta

from sandbox.clock import Clock
from sandbox.model import (
    Ban,
    Channel,
    ChannelType,
    CustomEmoji,
    Guild,
    Member,
    Message,
    MessageType,
    Overwrite,
    Reaction,
    Role,
    User,
    Webhook,
)
from sandbox.options import Options
from sandbox.permissions import Permission
from sandbox.state import World

BOT_ID = "99"
WEBHOOK_ID = "555"
# The length of a real one; it opens nothing but the sandbox.
WEBHOOK_TOKEN = "garden-gate_Sunflower-Radish-Bean-Sunflower-Radish-Bean-Pumpkin_key0"  # noqa: S105 - not a secret
CUSTOM_EMOJI_ID = "111222333444555666"

EVERYONE = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.READ_MESSAGE_HISTORY
    | Permission.ADD_REACTIONS
    | Permission.EMBED_LINKS
    | Permission.CHANGE_NICKNAME
)
BOT = (
    EVERYONE
    | Permission.MANAGE_MESSAGES
    | Permission.MANAGE_ROLES
    | Permission.MANAGE_NICKNAMES
    | Permission.MANAGE_WEBHOOKS
    | Permission.MANAGE_THREADS
    | Permission.KICK_MEMBERS
    | Permission.BAN_MEMBERS
    | Permission.MODERATE_MEMBERS
    | Permission.MENTION_EVERYONE
    | Permission.SEND_TTS_MESSAGES
)
LOOK_ONLY = Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY

USERS = (
    User(BOT_ID, "garden-gate", "Garden Gate", bot=True),
    User("98", "rain-gauge", "Rain Gauge", bot=True),
    User("40", "marta.fields", "Marta"),
    User("41", "oduya", "Oduya"),
    User("42", "robin_q", "Robin"),
    User("43", "kenji.soil", "Kenji"),
    User("44", "priya.p", "Priya"),
    User("45", "theo", "Theo"),
    User("46", "spam4cash", None),
    User("47", "passer-by", "Passer-by"),
)

ROLES = (
    Role("1", "@everyone", 0, EVERYONE),
    Role("6", "harvest-crew", 1, color=0xE67E22, mentionable=True),
    Role("7", "Seedling", 2, color=0x2ECC71, hoist=True),
    Role("11", "Deputy", 3, Permission.ADMINISTRATOR, color=0x9B59B6, hoist=True),
    Role("8", "Garden Gate", 5, BOT, color=0x5865F2, managed=True),
    Role("9", "Warden", 7, Permission.ADMINISTRATOR, color=0xE74C3C, hoist=True),
)

MEMBERS: tuple[tuple[str, str | None, list[str]], ...] = (
    (BOT_ID, None, ["8"]),
    ("98", None, []),
    ("40", "Marta (plot 1)", []),
    ("41", "Oduya the Warden", ["9"]),
    ("42", "Robin of plot 12", []),
    ("43", "Kenji Compost", ["7"]),
    ("44", "Priya, tomatoes", ["6"]),
    ("45", "Theo Deputy", ["11"]),
)

CHANNELS = (
    Channel("120", ChannelType.CATEGORY, "The Garden", "1"),
    Channel("123", ChannelType.TEXT, "allotment", "1", "Who waters what, and when", 1, "120"),
    Channel("124", ChannelType.TEXT, "tool-shed", "1", "Borrow, return, oil", 2, "120"),
    Channel("125", ChannelType.ANNOUNCEMENT, "notices", "1", "From the committee", 3, "120"),
    Channel(
        "126",
        ChannelType.PUBLIC_THREAD,
        "Last year's slugs",
        "1",
        parent_id="123",
        archived=True,
        owner_id="43",
    ),
    Channel("127", ChannelType.FORUM, "plant-clinic", "1", "One post per patient", 4, "120"),
    Channel("128", ChannelType.DM, recipient_id="42"),
    Channel("129", ChannelType.DM, recipient_id="43", accepts_bot=False),
    Channel("130", ChannelType.PUBLIC_THREAD, "Seed swap in May", "1", parent_id="123", owner_id="44"),
    Channel("131", ChannelType.VOICE, "Greenhouse", "1", position=5, parent_id="120"),
    Channel("132", ChannelType.PUBLIC_THREAD, "Yellow leaves, help!", "1", parent_id="127", owner_id="42"),
    Channel(
        "133",
        ChannelType.PUBLIC_THREAD,
        "Closed: the fence",
        "1",
        parent_id="123",
        archived=True,
        locked=True,
    ),
    Channel("223", ChannelType.TEXT, "lobby", "2", "Read only for bots"),
    Channel("224", ChannelType.TEXT, "backroom", "2", overwrites={"2": Overwrite(deny=Permission.VIEW_CHANNEL)}),
    Channel("323", ChannelType.TEXT, "elsewhere", "3"),
)

MESSAGES = (
    ("450", "123", "44", MessageType.USER_JOIN, ""),
    ("451", "123", "40", MessageType.DEFAULT, "Morning! The water butt by plot 3 is full again 🌧️"),
    ("452", "123", "43", MessageType.DEFAULT, "Fresh compost behind the shed, first come, first served"),
    ("453", "123", "44", MessageType.REPLY, "Saving two buckets for the tomatoes 🍅"),
    ("456", "123", "42", MessageType.DEFAULT, "Can somebody water plot 12 this weekend?"),
    ("789", "123", BOT_ID, MessageType.DEFAULT, "Watering rota updated: Robin's plot is taken care of ✅"),
    ("460", "124", "45", MessageType.DEFAULT, "Who has the big wheelbarrow?"),
    ("461", "124", "98", MessageType.DEFAULT, "Rain since midnight: 4.2 mm"),
    ("465", "125", "41", MessageType.DEFAULT, "Gates close at nine from Monday on."),
    ("470", "126", "43", MessageType.DEFAULT, "Beer traps. Trust me."),
    ("471", "126", BOT_ID, MessageType.DEFAULT, "Noted in the slug log."),
    ("475", "130", "44", MessageType.CHANNEL_NAME_CHANGE, "Seed swap in May"),
    ("476", "130", "44", MessageType.DEFAULT, "I bring beans and calendula"),
    ("480", "132", "42", MessageType.DEFAULT, "Is it the water or the light?"),
    ("490", "128", "42", MessageType.DEFAULT, "hi gate, remind me on Friday please"),
    ("2456", "223", "47", MessageType.DEFAULT, "Nobody here may be pinged by bots"),
    ("3456", "323", "47", MessageType.DEFAULT, "You should not be able to read this"),
)


def seeded_world(clock: Clock, options: Options) -> World:
    """A fresh world; nothing in it is shared with another one."""
    users = {user.id: User(user.id, user.username, user.global_name, user.bot) for user in USERS}
    world = World(clock, options, users[BOT_ID], users)
    start = datetime.fromtimestamp(clock.wall(), UTC) - timedelta(days=1)
    _add_garden(world, _stamp(start - timedelta(days=300)))
    _add_other_guilds(world, _stamp(start - timedelta(days=30)))
    _add_channels(world)
    _add_messages(world, start)
    _add_webhook(world)
    return world


def _add_garden(world: World, joined_at: str) -> None:
    garden = Guild("1", "Community Garden", owner_id="40", description="Twelve plots and a shed")
    garden.roles = {role.id: copy(role) for role in ROLES}
    garden.members = {
        user_id: Member(world.users[user_id], joined_at, nick, list(roles)) for user_id, nick, roles in MEMBERS
    }
    garden.bans["46"] = Ban(world.users["46"], "sold fake seeds")
    garden.emojis[CUSTOM_EMOJI_ID] = CustomEmoji(CUSTOM_EMOJI_ID, "sprout")
    world.guilds[garden.id] = garden


def _add_other_guilds(world: World, joined_at: str) -> None:
    """Guild 2 lets the bot look and nothing else; the bot is not in guild 3."""
    strict = Guild("2", "Strict Neighbours", owner_id="47", description="Bots may look, not touch")
    strict.roles = {"2": Role("2", "@everyone", 0, LOOK_ONLY), "27": Role("27", "Neighbour", 1)}
    strict.members = {key: Member(world.users[key], joined_at) for key in (BOT_ID, "42", "47")}
    closed = Guild("3", "Somebody Else's", owner_id="47", bot_is_member=False)
    closed.roles = {"3": Role("3", "@everyone", 0, LOOK_ONLY)}
    closed.members = {"47": Member(world.users["47"], joined_at)}
    world.guilds |= {strict.id: strict, closed.id: closed}


def _add_channels(world: World) -> None:
    for channel in CHANNELS:
        made = copy(channel)
        made.overwrites = {key: copy(each) for key, each in channel.overwrites.items()}
        made.messages = {}
        world.channels[made.id] = made


def _add_messages(world: World, start: datetime) -> None:
    for index, (message_id, channel_id, author_id, kind, content) in enumerate(MESSAGES):
        sent_at = _stamp(start + timedelta(minutes=17 * index))
        world.keep(Message(message_id, channel_id, world.users[author_id], content, sent_at, kind))
    asked = world.channels["123"].messages["456"]
    asked.reactions["🌱"] = Reaction("🌱", "🌱", None, ["43", "44"])


def _add_webhook(world: World) -> None:
    world.webhooks[WEBHOOK_ID] = Webhook(WEBHOOK_ID, WEBHOOK_TOKEN, "Weather Vane", "123", "1", world.users["40"])


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
