"""The words of generated names. None of them, alone or together, should be able to hurt anybody."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


QUALITIES = _words(
    """
    Agile Amiable Artful Autumn Bold Brave Breezy Bright Brisk Calm Careful Cheerful Clear Clever Cosmic
    Cozy Crisp Curious Dapper Daring Dreamy Eager Earnest Elegant Fair Famous Fearless Festive Friendly
    Gallant Gentle Glad Golden Graceful Grand Happy Helpful Honest Humble Jolly Joyful Keen Kind Lively
    Loyal Lucky Lunar Mellow Merry Mindful Modest Musical Neat Nimble Noble Patient Peaceful Playful
    Plucky Polite Prompt Proud Quick Quiet Radiant Ready Serene Silver Sincere Sleepy Smiling Snowy
    Solar Spirited Steady Sunny Swift Thoughtful Tidy Tranquil Trusty Upbeat Velvet Vivid Warm Wise
    Witty Zesty
    """
)

ANIMALS = _words(
    """
    Albatross Alpaca Antelope Avocet Badger Bison Bluebird Butterfly Caribou Chamois Cheetah Chipmunk
    Condor Cormorant Crane Cricket Curlew Dolphin Dormouse Dove Dragonfly Eagle Egret Eider Elk Falcon
    Finch Firefly Flamingo Gazelle Gecko Giraffe Goldfinch Hare Hedgehog Heron Hummingbird Ibex Ibis
    Kestrel Kingfisher Koala Lark Lemur Leopard Linnet Llama Lynx Manatee Marmot Meerkat Moose Narwhal
    Newt Nightingale Ocelot Okapi Oriole Osprey Otter Owl Panda Pangolin Partridge Pelican Penguin
    Petrel Pika Plover Porpoise Puffin Quail Quokka Raven Reindeer Robin Salmon Sandpiper Seahorse Seal
    Skylark Sparrow Squirrel Starling Stork Swan Tapir Tern Terrapin Tortoise Toucan Turtle Wagtail
    Warbler Wombat Wren Zebra
    """
)
