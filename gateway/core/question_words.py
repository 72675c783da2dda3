"""English words by what they do to the meaning of a question, for `question.py` and `pair_features.py`."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


FUNCTION_WORDS: Final = _words(
    """a an the and or but nor if then than so as of at by for with about against between into through during before
    after above below to from up down in out on off over under again further once here there when where why how what
    which who whom whose this that these those i me my mine we us our you your he him his she her it its they them
    their am is are was were be been being have has had having do does did doing will would shall should can could may
    might must ought not no never without none nobody nothing neither cannot only just very too also any some all each
    every both either few more most less least other another such own same anyone someone everyone one ones get got
    getting go going versus vs per via while because until unless since much many"""
)
"""Words of which a question has some whatever it is about. All others are content."""
FILLERS: Final = _words(
    """really actually truly simply basically literally honestly just please kindly exactly certainly definitely indeed
    currently ever still also quite very so think know tell explain someone anyone anybody somebody people person one
    way ways possible some any do does did can could would should will i you we my your our me us the a an of it is are
    was were be there that this these those get best good"""
)
"""Words that often come or go without a change of what is asked."""
DENIALS: Final = _words(
    "not no never without none nobody nothing neither nor cannot hardly unable lack lacks lacking except"
)
QUESTION_WORDS: Final = _words("what which who whom whose when where why how")
ASKING_VERBS: Final = _words(
    "is are was were am do does did can could will would shall should may might must has have had"
)
DIRECTIONS: Final = _words(
    """to from into before after above below over under in out up down with without on off for against"""
)
JOINING: Final = _words("and or vs versus between both either with")
"""Beside these, words may change places without a change of meaning."""
WORD_CLASSES: Final[tuple[frozenset[str], ...]] = tuple(
    _words(words)
    for words in (
        "and or",
        "more less most least fewer",
        "before after until since",
        "to from into out in of",
        "some all any every each only most both either",
        "can could should must may might will would shall do does did is are was were",
        "i my me you your he his she her they their we our",
        "not",
        "without with",
    )
)
"""Function words that are not to be taken for each other."""
_NUMBERS: Final = """
zero=0 two=2 three=3 four=4 five=5 six=6 seven=7 eight=8 nine=9 ten=10 eleven=11 twelve=12
twenty=20 thirty=30 forty=40 fifty=50 hundred=100 thousand=1000 million=1000000 billion=1000000000 first=1
second=2 third=3 fourth=4 fifth=5"""
NUMBER_WORDS: Final[Mapping[str, str]] = dict(re.findall(r"(\w+)=(\d+)", _NUMBERS))
MONEY_SIGNS: Final = "$€£₹%"
UNITS: Final = _words(
    """percent kg g mg lb lbs pound pounds oz ounce ounces ton tons km m cm mm mile miles meter meters metre metres
    foot feet ft inch inches yard yards second seconds sec minute minutes min hour hours hr day days week weeks month
    months year years yr century centuries decade decades usd eur gbp inr dollar dollars euro euros rupee rupees rs lakh
    crore cent cents gb mb kb tb mbps ghz mhz hz kw w watt watts volt volts v amp amps kwh celsius fahrenheit degree
    degrees c f liter liters litre litres ml l gallon gallons mph kph kmh bit bits byte bytes px pixel pixels calories
    kcal am pm"""
)
_OPPOSITES: Final = """
more less,most least,before after,up down,in out,on off,over under,above below,from to,with without,into from,all none,
always never,everything nothing,everyone nobody,and or,buy sell,buying selling,increase decrease,increasing decreasing,
raise lower,rise fall,gain lose,gaining losing,win lose,winning losing,start stop,start end,begin end,begin finish,
open close,opened closed,enable disable,enabled disabled,allow forbid,allow block,accept reject,accept refuse,love hate,
like dislike,good bad,best worst,better worse,big small,large small,bigger smaller,larger smaller,high low,higher lower,
highest lowest,long short,longer shorter,tall short,fast slow,faster slower,hot cold,hotter colder,warm cool,old new,
old young,older younger,rich poor,richer poorer,strong weak,stronger weaker,hard easy,hard soft,harder easier,
difficult easy,heavy light,heavier lighter,true false,right wrong,right left,correct incorrect,safe dangerous,happy sad,
positive negative,plus minus,add remove,add subtract,add delete,insert delete,create delete,create destroy,
install uninstall,import export,upload download,push pull,send receive,give take,lend borrow,teach learn,ask answer,
male female,man woman,men women,boy girl,boys girls,husband wife,father mother,son daughter,brother sister,
boyfriend girlfriend,king queen,he she,his her,him her,first last,early late,earlier later,earliest latest,day night,
morning evening,north south,east west,northern southern,eastern western,inside outside,internal external,
minimum maximum,min max,minimise maximise,minimize maximize,ascending descending,wet dry,clean dirty,full empty,
thick thin,fat thin,wide narrow,deep shallow,near far,same different,similar different,alive dead,live die,
success failure,succeed fail,pass fail,advantage disadvantage,advantages disadvantages,pros cons,benefits drawbacks,
benefits risks,for against,encode decode,encrypt decrypt,compress decompress,attack defend,friend enemy,public private,
rural urban,employer employee,doctor patient,teacher student,parent child,buyer seller,asset liability,profit loss,
cheap expensive,cheapest dearest,rare common,optimistic pessimistic,introvert extrovert,introverted extroverted,
brave cowardly,generous selfish,polite rude,smart stupid,intelligent stupid,lazy diligent,lazy hardworking,
beautiful ugly,attractive ugly,religious secular,conservative liberal,ancient modern,active passive,guilty innocent,
include exclude,including excluding,forward backward,forwards backwards,horizontal vertical,increase reduce,grow shrink,
expand contract,lengthen shorten,wake sleep,remember forget,arrive leave,arrive depart,enter exit,enter leave,hire fire,
save spend,save delete,show hide,charge discharge,freeze melt,freeze boil,supply demand,prevent cause,avoid seek,
confident shy,calm anxious,humble arrogant,humble proud,domestic foreign,local global,temporary permanent,major minor,
majority minority,superior inferior,senior junior,victory defeat,heaven hell,war peace,input output,read write,
client server,upper lower,top bottom,front back,start finish,prefer avoid,winner loser,hero villain,credit debit,
deposit withdraw,deposit withdrawal,weekday weekend,summer winter,spring autumn,sunrise sunset
"""
_NONE: Final[frozenset[str]] = frozenset()
_NEGATING: Final = ("un", "in", "im", "il", "ir", "dis", "non", "anti", "mis", "de")
_WORDS_KNOWN: Final = 4_096
_STEM_CHARS: Final = 3
"""A shorter rest behind a negating prefix is another word: "in-to", "un-it"."""


def _by_word() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for pair in _OPPOSITES.replace("\n", "").split(","):
        one, other = pair.split()
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return {word: frozenset(others) for word, others in found.items()}


OPPOSITES: Final = _by_word()


@lru_cache(_WORDS_KNOWN)
def opposites_of(word: str) -> frozenset[str]:
    """Return words of which this is the contrary: by the list, by its negating prefix, or by -ful for its -less.

    By prefix and ending the shorter word names no longer one: two words are opposites if either leads to the other.
    """
    found = OPPOSITES.get(word, _NONE)
    if word.startswith(_NEGATING):
        bare = [word[len(prefix) :] for prefix in _NEGATING if word.startswith(prefix)]
        found = found.union([each for each in bare if len(each) >= _STEM_CHARS])
    if word.endswith("less"):
        found = found.union((word[:-4] + "ful",))
    return found


def are_opposites(one: str, other: str) -> bool:
    """Tell whether two words mean the contrary."""
    return other in opposites_of(one) or one in opposites_of(other)


def has_opposites(here: Sequence[str], there: Sequence[str]) -> bool:
    """Tell whether any word of the one list is the contrary of one of the other."""
    return not all(map(frozenset(there).isdisjoint, map(opposites_of, here))) or not all(
        map(frozenset(here).isdisjoint, map(opposites_of, there))
    )
